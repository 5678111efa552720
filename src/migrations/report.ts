import { join } from 'node:path';
import { fingerprint } from '../report/fingerprint.ts';
import type { CommandResult, Finding, ReportTable } from '../report/report.ts';
import type { MigrationState, PlanEntry, PlanProblem, PlanWarning } from './plan.ts';

/** The contract's `data.migrations`. */
function migrationsData(entries: readonly PlanEntry[]): Record<string, unknown>[] {
  return entries.map((entry) => ({
    file: entry.file,
    number: entry.number ?? null,
    phase: entry.phase,
    state: entry.state,
    checksum: entry.checksum ?? null,
    durationMs: entry.durationMs ?? null,
    appliedAt: entry.appliedAt ?? null,
    reason: entry.reason ?? null,
  }));
}

/** One row for each file: state first, since that is what a list is read for. */
function migrationsTable(entries: readonly PlanEntry[], title?: string): ReportTable {
  return {
    ...(title === undefined ? {} : { title }),
    columns: ['state', 'phase', 'file', 'ms', 'note'],
    alignRight: [3],
    rows: entries.map((e) => [
      e.state,
      e.phase,
      e.file,
      e.durationMs === undefined ? '' : String(e.durationMs),
      e.reason ?? (e.appliedAt === undefined ? '' : e.appliedAt.slice(0, 19).replace('T', ' ')),
    ]),
  };
}

/** Warnings of the plan as findings; they never stop a run. `folder` is where the files lie, for tools that open them. */
export function warningFindings(warnings: readonly PlanWarning[], folder: string): Finding[] {
  return warnings.map((w) => ({
    check: w.check,
    severity: 'warning' as const,
    object: w.file,
    message: w.message,
    ...(w.hint === undefined ? {} : { remediation: w.hint }),
    details: { file: join(folder, w.file) },
  }));
}

/** Problems in the order of the files, then of their lines: as they are mended. */
export function inFileOrder(problems: readonly PlanProblem[], entries: readonly PlanEntry[]): PlanProblem[] {
  const place = new Map(entries.map((entry, index) => [entry.file, index]));
  const placeOf = ({ file }: PlanProblem) => place.get(file) ?? entries.length;
  return [...problems].sort((a, b) => placeOf(a) - placeOf(b) || (a.line ?? 0) - (b.line ?? 0));
}

/** Problems of the plan as findings, for commands that report rather than run. `folder` is where the files lie. */
export function problemFindings(problems: readonly PlanProblem[], folder: string): Finding[] {
  return problems.map((p) => ({
    check: checkOf(p),
    severity: 'critical' as const,
    object: p.line === undefined ? p.file : `${p.file}:${p.line}:${p.column ?? 1}`,
    message: p.message,
    remediation: p.hint,
    // Lines above it may come and go.
    fingerprint: fingerprint(checkOf(p), p.file, p.message),
    details: { file: join(folder, p.file), ...placeOf(p) },
  }));
}

function checkOf({ kind }: PlanProblem): string {
  return kind === 'changed' ? 'history-changed' : 'plan-invalid';
}

function placeOf({ line, column = 1 }: PlanProblem): { readonly line?: number; readonly column?: number } {
  return line === undefined ? {} : { line, column };
}

/** `12 applied, 3 pending`: states that occur, in a fixed order. */
export function countStates(entries: readonly PlanEntry[]): string {
  const order: MigrationState[] = [
    'applied',
    'baseline',
    'pending',
    'interrupted',
    'changed',
    'missing',
    'out-of-order',
    'failed',
    'not-run',
  ];
  const counts = order
    .map((state) => [state, entries.filter((e) => e.state === state).length] as const)
    .filter(([, n]) => n > 0);
  return counts.length === 0 ? 'no migrations' : counts.map(([state, n]) => `${n} ${state}`).join(', ');
}

/** What a report about files says besides its own text. */
export function migrationsResult(
  entries: readonly PlanEntry[],
  shown: readonly PlanEntry[],
  text: string,
): CommandResult {
  return {
    text,
    data: { migrations: migrationsData(entries) },
    ...(shown.length === 0 ? {} : { tables: [migrationsTable(shown)] }),
  };
}
