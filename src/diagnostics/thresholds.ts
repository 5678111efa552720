import { SEVERITIES, type Severity } from '../report/report.ts';
import type { Row } from './facts.ts';

/** A comparison of a column with a number: `bytes >= 100 MB`. */
interface Condition {
  readonly column: string;
  readonly operator: '>=' | '<=' | '>' | '<' | '=';
  readonly value: number;
}

/** A severity and what has to hold for it, all of it. */
export interface Threshold {
  readonly severity: Severity;
  readonly conditions: readonly Condition[];
  /** As it was written. */
  readonly text: string;
}

/** What a number may be written in: facts hold bytes, seconds and per cent. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  '%': 1,
  kB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
  ms: 0.001,
  s: 1,
  min: 60,
  h: 3_600,
  d: 86_400,
};

const CONDITION = /^([a-z_][a-z0-9_]*) *(>=|<=|>|<|=) *(-?\d+(?:\.\d+)?) *([A-Za-z%]*)$/;

/** `warning: bytes >= 100 MB and percent >= 30`; a text when it cannot be understood. */
export function parseThreshold(item: string): Threshold | string {
  const [, name = '', text = ''] = /^([a-z]+): *(.+)$/.exec(item) ?? [];
  const severity = SEVERITIES.find((known) => known === name);
  if (severity === undefined) return `"${item}" does not begin with one of ${SEVERITIES.join(', ')} and a colon`;
  return parseConditions(severity, text);
}

/** The part after the severity, as configuration writes it. */
export function parseConditions(severity: Severity, text: string): Threshold | string {
  const conditions = text.split(/ +and +/).map(parseCondition);
  const problem = conditions.find((condition) => typeof condition === 'string');
  if (problem !== undefined) return problem;
  return { severity, conditions: conditions as Condition[], text };
}

function parseCondition(text: string): Condition | string {
  const [, column, operator, digits, unit = ''] = CONDITION.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (column === undefined || factor === undefined) {
    return `"${text}" is not a condition such as "bytes >= 100 MB"; units are ${Object.keys(UNITS).filter(Boolean).join(', ')}`;
  }
  return { column, operator: operator as Condition['operator'], value: Number(digits) * factor };
}

/** The worst severity whose conditions a row meets. A column without a value meets none. */
export function severityOf(row: Row, thresholds: readonly Threshold[]): Severity | undefined {
  const met = thresholds.filter(({ conditions }) => conditions.every((condition) => holds(condition, row)));
  return SEVERITIES.findLast((severity) => met.some((threshold) => threshold.severity === severity));
}

function holds({ column, operator, value }: Condition, row: Row): boolean {
  const fact = row[column];
  if (typeof fact !== 'number') return false;
  if (operator === '>=') return fact >= value;
  if (operator === '<=') return fact <= value;
  if (operator === '>') return fact > value;
  if (operator === '<') return fact < value;
  return fact === value;
}
