import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { AdditionRun } from './apply-additions.ts';
import type { Gate } from './gate.ts';
import type { LedgerEntry, LedgerName } from './ledger.ts';
import type { MigrationLock } from './lock.ts';
import type { PlanEntry } from './plan.ts';
import type { Script } from './script.ts';
import type { Timeouts } from './timeouts.ts';

/** What every way of applying a file needs. */
export interface Running {
  /** The session that runs other people's SQL. */
  readonly work: Session;
  readonly lock: MigrationLock;
  readonly ledger: LedgerName;
  readonly settings: RunSettings;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
  /** Has to agree before a file's transaction is committed. */
  readonly gate?: Gate | undefined;
  /** Identifier of the backup that was taken before the first file. */
  readonly backupId?: string | undefined;
  /** What files that only add have left of the working session, and sent ahead. */
  readonly additions: AdditionRun;
}

/** Limits of a run; times in milliseconds, 0 for none. */
export interface RunSettings {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** How often a file is tried again after a lock time-out, a deadlock or a serialization failure. */
  readonly lockRetries: number;
  /** `user@host` of the operating system. */
  readonly appliedFrom: string;
  readonly toolVersion: string;
}

/** The file in hand. */
export interface Job {
  readonly entry: PlanEntry;
  readonly script: Script;
  readonly checksum: string;
  readonly siblings: readonly string[];
  /** The ledger has no row for the file yet. */
  readonly isNew?: boolean;
  /** The file that this run applies behind this one, when its content is at hand. */
  readonly next?: () => Job | undefined;
  /** SQL that records the run in place of a row for the file: a rollback changes the row of what it undoes. */
  readonly record?: string;
  /** Condition on the ledger that such a record makes true. */
  readonly recorded?: string;
  /** Sequence of the row that the ledger has already. */
  readonly was?: number | undefined;
}

/** The ledger row of a file as far as it is known before it runs. */
export function ledgerEntry(running: Running, job: Job): LedgerEntry {
  return {
    file: job.entry.file,
    number: job.entry.number,
    phase: job.entry.phase,
    checksum: job.checksum,
    tokenChecksum: job.script.tokenChecksum(),
    state: 'applied',
    appliedFrom: running.settings.appliedFrom,
    executionTime: 'null',
    siblings: job.siblings,
    statementsDone: job.script.count,
    statementsTotal: job.script.count,
    toolVersion: running.settings.toolVersion,
    backupId: running.backupId,
  };
}

/**
 * SQL before each file: whatever the file before left in the session is gone, and the limits are set. What DISCARD ALL
 * does (PostgreSQL docs, DISCARD), but inside a message with others, and without giving up the lock.
 * @param deallocate drops prepared statements
 */
export function freshSession(
  running: Running,
  header: Timeouts,
  deallocate: readonly string[] = ['deallocate all'],
): string[] {
  return [
    'close all',
    ...deallocate,
    'unlisten *',
    'discard temp',
    'discard sequences',
    // One statement for what could be four: each is answered with a message of its own.
    `select ${[
      running.lock.resetSql,
      ...limitsOf(running, header).map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`),
    ]}`,
  ];
}

/** Settings of the session with their values in milliseconds. */
export function limitsOf({ settings }: Running, header: Timeouts): [name: string, value: number][] {
  const { lockTimeoutMs, statementTimeoutMs } = { ...settings, ...header };
  return [
    ['lock_timeout', lockTimeoutMs],
    ['statement_timeout', statementTimeoutMs],
    // A pause between two messages is not idleness; the client's end ends the transaction.
    ['idle_in_transaction_session_timeout', 0],
  ];
}

/** SQL after a file's own: the role, and then the settings, as they were at log-in, so that the ledger is written as oneself. */
export const OWN_ROLE = ['reset session authorization', 'reset role'];
export const OWN_SETTINGS = 'reset all';
export const BACK_TO_ONESELF = [...OWN_ROLE, OWN_SETTINGS];

/** The same inside a transaction that only writes to the ledger: when it ends, the file's own role is back. */
export const ONESELF_FOR_NOW = ['set local session authorization default', 'set local role none'];

/** Errors after which trying again can help: someone else held what was needed. */
const WORTH_RETRYING: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlock,
  SQLSTATE.serialization,
]);
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Runs `attempt` again while it fails for lack of a lock: pauses grow and are spread, blockers are named. */
export async function withRetries<T>(
  running: Running,
  file: string,
  attempt: () => Promise<{ error: Error | undefined; result: T }>,
  retries = running.settings.lockRetries,
): Promise<{ error: Error | undefined; result: T; blockers: readonly string[] }> {
  for (let tries = 0; ; tries++) {
    const watch = watchBlockers(running);
    const { error, result } = await attempt().finally(() => watch.stop());
    const code = error && serverError(error)?.code;
    if (!error || code === undefined || !WORTH_RETRYING.has(code) || tries >= retries) {
      return { error, result, blockers: watch.blockers() };
    }
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.75 + Math.random() / 2);
    for (const line of watch.blockers()) running.tell(`${file}: waited for ${line}`);
    running.tell(`${file}: ${error.message}; try ${tries + 2} of ${retries + 1} in ${(pause / 1000).toFixed(1)} s`);
    await pauseFor(running, pause);
  }
}

/** @throws AishaError (interrupted) when the run is told to stop meanwhile */
async function pauseFor(running: Running, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: running.signal }).catch(() => {
    throw new AishaError('interrupted', 'interrupted; the database is as it was before the file in hand');
  });
}

/** Pauses grow from the first to the longest: short lock time-outs are seen in time, long statements are not disturbed. */
const FIRST_WATCH_MS = 50;
const LONGEST_WATCH_MS = 400;

/** While a file runs, the idle lock connection looks who blocks it: afterwards it is too late to ask. */
function watchBlockers(running: Running): { stop(): void; blockers(): readonly string[] } {
  let last: readonly string[] = [];
  let pause = FIRST_WATCH_MS;
  let timer: NodeJS.Timeout | undefined = setTimeout(ask, pause);
  async function ask(): Promise<void> {
    const rows = await blockersOf(running).catch(() => []);
    if (rows.length > 0) last = rows;
    pause = Math.min(LONGEST_WATCH_MS, pause * 2);
    timer = timer && setTimeout(ask, pause);
  }
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  return { stop, blockers: () => last };
}

async function blockersOf(running: Running): Promise<string[]> {
  const pid = running.lock.workPid;
  const rows = await running.lock.guard.query<{ line: string }>(
    `select format('pid %s, role %s, application %s, %s for %s: %s', b.pid, coalesce(a.usename, '?'),
              coalesce(nullif(a.application_name, ''), '?'), coalesce(a.state, '?'),
              coalesce(date_trunc('second', clock_timestamp() - coalesce(a.xact_start, a.backend_start))::text, '?'),
              coalesce(nullif(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), ''), '(its query is not visible to this role)')) as line
       from unnest(pg_blocking_pids($1)) as b(pid)
       left join pg_stat_activity a on a.pid = b.pid`,
    [pid],
  );
  return rows.map((row) => row.line);
}

/**
 * Cancels what the working session runs as soon as the run is told to stop.
 * @param isUnderWay the server has the work already: it is cancelled, and what became of it is heard
 * @throws AishaError (interrupted) in place of beginning it
 */
export async function cancellable<T>(running: Running, work: () => Promise<T>, isUnderWay = false): Promise<T> {
  const cancel = () => {
    running.lock.guard
      .query('select pg_cancel_backend($1)', [running.lock.workPid])
      .catch(() => running.work.destroy());
  };
  if (running.signal.aborted) {
    if (!isUnderWay)
      throw new AishaError('interrupted', 'interrupted; the database is as it was before the file in hand');
    cancel();
  }
  running.signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work();
  } finally {
    running.signal.removeEventListener('abort', cancel);
  }
}
