import { counted, quantity } from '../report/quantity.ts';
import type { Finding, ReportTable } from '../report/report.ts';

/** Counters of the server that tell of errors, since they were last reset. */
export interface Counters {
  readonly deadlocks: number;
  readonly rollbacks: number;
  readonly commits: number;
  /** Queries of a standby that were cancelled. */
  readonly conflicts: number;
  readonly checksumFailures: number;
  readonly archiveFailures: number;
  /** Of the blocks that were asked for, per cent. */
  readonly cacheHit: number;
  readonly tempBytes: number;
}

/** A statement of pg_stat_statements, without its text. */
export interface QueryMeasure {
  readonly calls: number;
  readonly totalMs: number;
}

/** What a run of a routine measured: what the next one compares with. */
export interface Measures {
  readonly databaseBytes: number;
  /** The largest, with indexes and TOAST, by label. */
  readonly tables: Readonly<Record<string, number>>;
  readonly counters: Counters;
  /** By queryid; absent without pg_stat_statements. */
  readonly queries: Readonly<Record<string, QueryMeasure>> | undefined;
}

/** Measures of an earlier run, and when it began. */
export interface EarlierMeasures {
  readonly at: string;
  readonly measures: Measures;
}

const MB = 1024 * 1024;
/** Growth (bytes) below which a table is not worth a line. */
const NOTEWORTHY_BYTES = MB;

/** What grew since the last run, the most first; nothing when there is nothing to compare with. */
export function growthTable(now: Measures, before: EarlierMeasures | undefined): ReportTable | undefined {
  if (before === undefined) return undefined;
  const grown = Object.entries(now.tables)
    .map(([table, bytes]) => ({ table, bytes, more: bytes - (before.measures.tables[table] ?? 0) }))
    .filter(({ more }) => Math.abs(more) >= NOTEWORTHY_BYTES)
    .toSorted((a, b) => b.more - a.more)
    .slice(0, 15);
  const total = {
    table: 'database',
    bytes: now.databaseBytes,
    more: now.databaseBytes - before.measures.databaseBytes,
  };
  return {
    title: `Growth since ${day(before.at)}`,
    columns: ['table', 'now', 'more'],
    alignRight: [1, 2],
    rows: [total, ...grown].map(({ table, bytes, more }) => [table, quantity(bytes, 'bytes'), quantity(more, 'bytes')]),
  };
}

/** Errors that were counted since the last run; counters that went back were reset. */
export function errorFindings(now: Measures, before: EarlierMeasures | undefined): Finding[] {
  const since = before === undefined ? '' : ` since ${day(before.at)}`;
  const risen = (name: keyof Counters) => {
    const value = now.counters[name];
    const earlier = before?.measures.counters[name] ?? 0;
    return value < earlier ? value : value - earlier;
  };
  const [deadlocks, failures, archive] = [risen('deadlocks'), risen('checksumFailures'), risen('archiveFailures')];
  const [rollbacks, commits] = [risen('rollbacks'), risen('commits')];
  const share = (100 * rollbacks) / Math.max(1, rollbacks + commits);
  const finding = (
    severity: Finding['severity'],
    object: string,
    message: string,
    remediation: string,
    metric: number,
  ) => [
    { check: 'server-errors', severity, object, message: `${message}${since}`, remediation, metric } satisfies Finding,
  ];
  return [
    ...(failures > 0
      ? finding(
          'critical',
          'checksums',
          `${counted(failures, 'page')} failed the checksum`,
          'Take what can be read into a backup, and restore it elsewhere: the disk lies.',
          failures,
        )
      : []),
    ...(archive > 0
      ? finding(
          'warning',
          'archiver',
          `archiving WAL failed ${archive} times`,
          'See the log of the server and archive_command.',
          archive,
        )
      : []),
    ...(deadlocks > 0
      ? finding(
          deadlocks >= 10 ? 'warning' : 'info',
          'deadlocks',
          `${counted(deadlocks, 'deadlock')}`,
          'The log names the statements; take locks in the same order everywhere.',
          deadlocks,
        )
      : []),
    ...(rollbacks >= 100 && share >= 10
      ? finding(
          'info',
          'rollbacks',
          `${Math.round(share)} % of transactions were rolled back`,
          'The log of the server has the errors: aisha-db troubleshoot --log FILE.',
          rollbacks,
        )
      : []),
  ];
}

/** So often a statement has to be called in both spans before its time says something. */
const ENOUGH_CALLS = 20;

/** Statements that have become slower than at the last baseline, by what they took since then. */
export function baselineFindings(now: Measures, before: EarlierMeasures | undefined): Finding[] {
  if (before?.measures.queries === undefined || now.queries === undefined) return [];
  const earlier = before.measures.queries;
  return Object.entries(now.queries)
    .flatMap(([id, query]) => {
      const then = earlier[id];
      if (then === undefined || then.calls < ENOUGH_CALLS) return [];
      // Fewer calls than then: the counters were reset in between.
      const isReset = query.calls < then.calls;
      const calls = isReset ? query.calls : query.calls - then.calls;
      const totalMs = isReset ? query.totalMs : query.totalMs - then.totalMs;
      if (calls < ENOUGH_CALLS) return [];
      const [mean, meanThen] = [totalMs / calls, then.totalMs / then.calls];
      return mean >= 1.5 * meanThen && mean - meanThen >= 5 ? [{ id, mean, meanThen, calls }] : [];
    })
    .toSorted((a, b) => (b.mean - b.meanThen) * b.calls - (a.mean - a.meanThen) * a.calls)
    .slice(0, 20)
    .map(({ id, mean, meanThen }) => ({
      check: 'baseline',
      severity: mean >= 3 * meanThen && mean >= 100 ? ('warning' as const) : ('info' as const),
      object: `query ${id}`,
      message: `takes ${quantity(mean, 'milliseconds')} on average since ${day(before.at)}, ${quantity(meanThen, 'milliseconds')} before`,
      remediation: `aisha-db explain ${id}`,
      metric: Math.round(mean),
      unit: 'milliseconds' as const,
    }));
}

function day(iso: string): string {
  return iso.slice(0, 10);
}
