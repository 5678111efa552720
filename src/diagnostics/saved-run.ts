import { z } from 'zod';
import { type CommandResult, SEVERITIES, type Unit } from '../report/report.ts';
import type { Definition } from './definition.ts';
import type { Outcome } from './facts.ts';
import { fingerprintOfRow } from './judge.ts';
import { measure, write } from './template.ts';

/** Of what is written; a program reads its own and every earlier one. */
const RUN_FORMAT = 1;

/** Rows of one check whose numbers are kept, the largest. */
const MOST_MEASURES = 50;

const UNITS = ['bytes', 'milliseconds', 'count', 'percent'] as const satisfies readonly Unit[];

const finding = z.object({
  check: z.string(),
  severity: z.enum(SEVERITIES),
  object: z.string(),
  fingerprint: z.string(),
});

const measured = z.object({
  check: z.string(),
  object: z.string(),
  fingerprint: z.string(),
  value: z.number(),
  unit: z.enum(UNITS),
});

/** Keys that a later version adds are not seen, those that an earlier one lacks are empty. */
const savedRun = z.object({
  format: z.int(),
  takenAt: z.iso.datetime({ offset: true }),
  toolVersion: z.string().default(''),
  checks: z.record(z.string(), z.string()).default({}),
  findings: z.array(finding).default([]),
  muted: z.array(z.string()).default([]),
  measures: z.array(measured).default([]),
});

/** What is kept of a run: enough to say what is new, gone and growing. No message and no text of a query is in it. */
export type SavedRun = Readonly<z.infer<typeof savedRun>>;
export type SavedFinding = Readonly<z.infer<typeof finding>>;
export type Measured = Readonly<z.infer<typeof measured>>;

/** A stored run, or why it cannot be used. */
export function parseSavedRun(value: unknown): SavedRun | 'newer' | 'unreadable' {
  const format = z.object({ format: z.int() }).safeParse(value);
  if (format.success && format.data.format > RUN_FORMAT) return 'newer';
  const run = savedRun.safeParse(value);
  return run.success ? run.data : 'unreadable';
}

/** Of a run and the facts it rests on. */
export function toSavedRun(
  { checks = [], findings = [], data = {} }: CommandResult,
  facts: { readonly definitions: readonly Definition[]; readonly outcomes: ReadonlyMap<string, Outcome> },
  { takenAt, toolVersion }: Pick<SavedRun, 'takenAt' | 'toolVersion'>,
): SavedRun {
  const muted = (data['muted'] ?? []) as readonly { readonly fingerprint: string }[];
  return {
    format: RUN_FORMAT,
    takenAt,
    toolVersion,
    checks: Object.fromEntries(checks.map(({ id, status }) => [id, status])),
    findings: findings.map(({ check, severity, object, fingerprint = '' }) => ({
      check,
      severity,
      object,
      fingerprint,
    })),
    muted: muted.map(({ fingerprint }) => fingerprint),
    measures: facts.definitions.flatMap((definition) => measuresOf(definition, facts.outcomes.get(definition.id))),
  };
}

function measuresOf({ id, metric }: Definition, outcome: Outcome | undefined): Measured[] {
  if (metric === undefined || outcome?.kind !== 'facts') return [];
  const measures = outcome.rows.flatMap((row) => {
    const found = typeof row['undecided'] === 'string' ? undefined : measure(row, metric);
    if (found === undefined) return [];
    const object = write(row['object'], undefined);
    return [{ check: id, object, fingerprint: fingerprintOfRow(id, row), value: found.metric, unit: found.unit }];
  });
  return measures.toSorted((a, b) => b.value - a.value).slice(0, MOST_MEASURES);
}
