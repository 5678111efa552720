import { formatDuration } from '../duration.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { Check, CommandResult, Finding, ReportTable } from '../report/report.ts';
import { type HorizonHolder, oldTransaction } from './pace.ts';
import { LOCKS, type WorkItem, type WorkKind } from './plan.ts';
import type { SessionSetting } from './session-settings.ts';
import type { BusySettings } from './settings.ts';
import type { WorkOutcome, WorkState } from './work.ts';

/** What is asked of each kind of work, as a check of the report. */
const CHECKS: Readonly<Record<WorkKind, Pick<Check, 'id' | 'title'>>> = {
  'drop-leftover': { id: 'leftover-index', title: 'No interrupted REINDEX CONCURRENTLY left an index behind' },
  'drop-unused': { id: 'drop-unused', title: 'The unused indexes that were named are dropped' },
  vacuum: { id: 'vacuum', title: 'Tables that need it are vacuumed' },
  analyze: { id: 'analyze', title: 'Statistics that are stale are renewed' },
  reindex: { id: 'reindex', title: 'Indexes that are bloated are rebuilt' },
  'vacuum-full': { id: 'vacuum-full', title: 'The table that was named is written anew' },
};

/** What was looked at and could not be decided: an index whose statistics are hidden from the role. */
export interface Undecided {
  readonly reason: string;
  readonly remediation: string | undefined;
}

export interface PlanReport {
  readonly items: readonly WorkItem[];
  /** Kinds that were looked for. */
  readonly kinds: readonly WorkKind[];
  /** By kind. */
  readonly undecided: ReadonlyMap<WorkKind, Undecided>;
  /** What the statements run with. */
  readonly session: readonly SessionSetting[];
}

/** The report of `--dry-run`. */
export function planReport({ items, kinds, undecided, session }: PlanReport): CommandResult {
  const due = items.filter(({ skipped }) => skipped === undefined);
  const ms = due.reduce((sum, { estimatedMs }) => sum + estimatedMs, 0);
  const skipped = items.length - due.length;
  return {
    text:
      due.length === 0
        ? `Nothing would be done${skipped === 0 ? '' : `; ${skipped} skipped`}.`
        : `${counted(due.length, 'statement')} would be run, about ${formatDuration(ms)}${skipped === 0 ? '' : `; ${skipped} skipped`}. Nothing was changed.`,
    checks: kinds.map((kind) => planCheck(kind, undecided.get(kind))),
    tables:
      due.length === 0 && skipped === 0
        ? []
        : [planTable(items), lockTable(due), sessionTable(due, session)].filter(({ rows }) => rows.length > 0),
    data: {
      dryRun: true,
      session: Object.fromEntries(session.map(({ name, value }) => [name, value])),
      plan: items.map((item) => ({
        kind: item.kind,
        object: item.object,
        statement: item.statement,
        reason: item.reason,
        lock: LOCKS[item.kind],
        bytes: item.bytes,
        benefitBytes: item.benefitBytes,
        estimatedMs: item.estimatedMs,
        ...(item.skipped === undefined ? {} : { skipped: item.skipped }),
      })),
    },
  };
}

function planCheck(kind: WorkKind, undecided: Undecided | undefined): Check {
  if (undecided === undefined) return { ...CHECKS[kind], status: 'passed' };
  const { reason, remediation } = undecided;
  return { ...CHECKS[kind], status: 'unknown', reason, ...(remediation === undefined ? {} : { remediation }) };
}

function planTable(items: readonly WorkItem[]): ReportTable {
  return {
    columns: ['statement', 'why', 'reads', 'about'],
    alignRight: [2, 3],
    rows: items.map((item) => [
      item.skipped === undefined ? item.statement : `skipped: ${item.statement}`,
      item.skipped ?? item.reason,
      quantity(item.bytes, 'bytes'),
      item.skipped === undefined ? formatDuration(item.estimatedMs) : '',
    ]),
  };
}

function lockTable(items: readonly WorkItem[]): ReportTable {
  const kinds = [...new Set(items.map(({ kind }) => kind))];
  return { columns: ['statements', 'lock'], rows: kinds.map((kind) => [describeKind(kind), LOCKS[kind]]) };
}

function sessionTable(due: readonly WorkItem[], session: readonly SessionSetting[]): ReportTable {
  const rows =
    due.length === 0 ? [] : session.flatMap(({ name, value, why }) => (why === undefined ? [] : [[name, value, why]]));
  return { columns: ['set for the session', 'to', 'so that'], rows };
}

function describeKind(kind: WorkKind): string {
  if (kind === 'drop-leftover' || kind === 'drop-unused') return 'drop index concurrently';
  if (kind === 'reindex') return 'reindex concurrently';
  return kind === 'vacuum-full' ? 'vacuum full' : kind;
}

export interface WorkReport extends PlanReport {
  readonly outcomes: readonly WorkOutcome[];
  /** Who keeps dead rows, at the end of the run. */
  readonly holders: readonly HorizonHolder[];
  readonly busy: BusySettings;
}

/** The report of a run. */
export function workReport(report: WorkReport): CommandResult {
  const { outcomes, kinds, undecided } = report;
  const findings = [...outcomes.flatMap(findingOf), ...horizonFinding(report)];
  return {
    text: summary(outcomes),
    checks: kinds.map((kind) => workCheck(kind, outcomes, undecided.get(kind))),
    findings,
    tables: outcomes.length === 0 ? [] : [outcomeTable(outcomes)],
    data: { dryRun: false, tasks: outcomes.map(outcomeData) },
  };
}

/** One line for a log: what was done, and what it brought. */
function summary(outcomes: readonly WorkOutcome[]): string {
  if (outcomes.length === 0) return 'Nothing needed to be done.';
  const count = (state: WorkState) => outcomes.filter((outcome) => outcome.state === state).length;
  const sum = (of: (outcome: WorkOutcome) => number) =>
    Math.max(
      0,
      outcomes.reduce((sum, one) => sum + of(one), 0),
    );
  const ms = sum((outcome) => outcome.ms);
  const rows = sum(({ state, deadBefore = 0, deadAfter = 0 }) => (state === 'done' ? deadBefore - deadAfter : 0));
  const others = (['left', 'cut', 'skipped', 'failed'] as const).flatMap((state) =>
    count(state) === 0 ? [] : [`${count(state)} ${OUTCOMES[state]}`],
  );
  return `${[`${count('done')} of ${outcomes.length} done in ${formatDuration(ms)}`, ...others].join(', ')}; ${counted(rows, 'dead row')} removed, ${quantity(sum(freedBy), 'bytes')} freed.`;
}

/** `vacuum public.users: 12 MB to 8 MB in 1.2 s`. */
export function describeOutcome(outcome: WorkOutcome): string {
  const { item, state, reason, ms, bytesBefore, bytesAfter } = outcome;
  const what = `${describeKind(item.kind)} ${item.object}`;
  if (state !== 'done') return `${what}: ${OUTCOMES[state]}, ${reason}`;
  const size =
    bytesBefore === undefined ? '' : `${quantity(bytesBefore, 'bytes')} to ${quantity(bytesAfter ?? 0, 'bytes')} `;
  return `${what}: ${size}in ${formatDuration(ms)}`;
}

const OUTCOMES: Readonly<Record<WorkState, string>> = {
  done: 'done',
  left: 'left for the next run',
  cut: 'cut short',
  skipped: 'skipped',
  failed: 'failed',
};

function freedBy({ state, bytesBefore = 0, bytesAfter = 0 }: WorkOutcome): number {
  return state === 'done' ? bytesBefore - bytesAfter : 0;
}

function outcomeTable(outcomes: readonly WorkOutcome[]): ReportTable {
  const size = (bytes: number | undefined) => (bytes === undefined ? '' : quantity(bytes, 'bytes'));
  return {
    columns: ['work', 'object', 'outcome', 'before', 'after', 'took'],
    alignRight: [3, 4, 5],
    rows: outcomes.map(({ item, state, reason, startedAt, bytesBefore, bytesAfter, ms }) => [
      describeKind(item.kind),
      item.object,
      reason === undefined ? item.reason : `${OUTCOMES[state]}: ${reason}`,
      size(bytesBefore),
      size(bytesAfter),
      startedAt === undefined ? '' : formatDuration(ms),
    ]),
  };
}

function outcomeData({ item, ...outcome }: WorkOutcome): Readonly<Record<string, unknown>> {
  const { kind, object, statement, reason: why } = item;
  return { kind, object, statement, why, ...outcome };
}

function workCheck(kind: WorkKind, outcomes: readonly WorkOutcome[], undecided: Undecided | undefined): Check {
  const bad = outcomes.filter(({ item, state }) => item.kind === kind && state === 'failed');
  return bad.length > 0 ? { ...CHECKS[kind], status: 'failed' } : planCheck(kind, undecided);
}

/** What failed wants somebody; what is left for the next run, or is somebody else's, is only told. */
function findingOf({ item, state, reason }: WorkOutcome): Finding[] {
  if (state === 'done') return [];
  return [
    {
      check: CHECKS[item.kind].id,
      severity: state === 'failed' ? 'warning' : 'info',
      object: item.object,
      message: `${OUTCOMES[state]}: ${reason}`,
      remediation: `${item.statement};`,
    },
  ];
}

/** So many rows that are still dead after VACUUM were kept by somebody, not made meanwhile. */
const KEPT_ROWS = 1_000;

/** Rows that stay dead although they were vacuumed, or that were not for that reason: by whom. */
function horizonFinding({ outcomes, holders, busy }: WorkReport): Finding[] {
  const old = oldTransaction(holders, busy);
  const holder = old ?? holders.find(({ seconds }) => seconds === undefined);
  const kept = outcomes.filter(({ item, state, deadAfter = 0 }) => {
    if (item.kind !== 'vacuum') return false;
    return state === 'done' ? deadAfter >= KEPT_ROWS : state === 'left' && item.needsHorizon && old !== undefined;
  });
  if (kept.length === 0 || holder === undefined) return [];
  return [
    {
      check: CHECKS.vacuum.id,
      severity: 'warning',
      object: holder.holder,
      message: `keeps the dead rows of ${counted(kept.length, 'table')} from being removed`,
      remediation: holder.fix,
      details: { tables: kept.map(({ item }) => item.object) },
    },
  ];
}
