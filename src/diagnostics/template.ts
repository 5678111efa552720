import { quantity } from '../report/quantity.ts';
import type { Unit } from '../report/report.ts';
import type { Row } from './facts.ts';

/** How a fact is written, and the factor that makes it a number of that unit: times are seconds in facts. */
const FORMATS: Readonly<Record<string, { readonly unit: Unit; readonly factor: number }>> = {
  bytes: { unit: 'bytes', factor: 1 },
  duration: { unit: 'milliseconds', factor: 1_000 },
  percent: { unit: 'percent', factor: 1 },
  count: { unit: 'count', factor: 1 },
};

const PLACEHOLDER = /\{([a-z_][a-z0-9_]*)(?::([a-z]+))?\}/g;

/** A column and how to write it: `bytes`, `size:bytes`. */
export interface Reference {
  readonly column: string;
  readonly format: string | undefined;
}

/** The columns a text quotes: `{table}`, `{wasted:bytes}`. */
export function referencesIn(template: string): Reference[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, column = '', format]) => ({ column, format }));
}

/** True when a brace is left that is no placeholder: a misspelt one. */
export function hasStrayBrace(template: string): boolean {
  return /[{}]/.test(template.replaceAll(PLACEHOLDER, ''));
}

/** A text when the format is not known. */
export function formatProblem({ column, format }: Reference): string | undefined {
  if (format === undefined || Object.hasOwn(FORMATS, format)) return undefined;
  return `{${column}:${format}}: no format "${format}", known are ${Object.keys(FORMATS).join(', ')}`;
}

/** The text with the facts of a row in it. */
export function fill(template: string, row: Row): string {
  return template.replaceAll(PLACEHOLDER, (_, column: string, format?: string) => write(row[column], format));
}

/** A fact for people; one that is not there is `unknown`. */
export function write(value: unknown, format: string | undefined): string {
  if (value === null || value === undefined) return 'unknown';
  if (typeof value !== 'number') return String(value);
  const known = format === undefined ? undefined : FORMATS[format];
  return known === undefined ? String(Number(value.toFixed(2))) : quantity(value * known.factor, known.unit);
}

/** A fact as reports carry it: a number and what it counts; nothing when there is no number. */
export function measure(row: Row, reference: Reference): { readonly metric: number; readonly unit: Unit } | undefined {
  const value = row[reference.column];
  if (typeof value !== 'number') return undefined;
  const { unit, factor } = scaleOf(reference);
  return { metric: value * factor, unit };
}

/** What the numbers of a column count. */
export function scaleOf({ format }: Reference): { readonly unit: Unit; readonly factor: number } {
  return FORMATS[format ?? 'count'] ?? { unit: 'count', factor: 1 };
}
