import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { LoadMeter } from './load-meter.ts';
import { type Activity, costLimitFor, isWithin, reasonToWait, type Window } from './pace.ts';
import type { WorkItem, WorkKind } from './plan.ts';
import { readActivity } from './read-activity.ts';
import { readHolders, readIndexes } from './read-facts.ts';
import type { MaintenanceSettings } from './settings.ts';
import { watchWork } from './watch-work.ts';
import { openWorker, type Worker } from './worker.ts';

/**
 * What became of a statement: `left` is for the next run, `cut` was stopped by the end of the window or an
 * interruption, `skipped` cannot be done by this role or is gone, `failed` says the server's own words.
 */
export type WorkState = 'done' | 'left' | 'cut' | 'skipped' | 'failed';

export interface WorkOutcome {
  readonly item: WorkItem;
  readonly state: WorkState;
  readonly reason: string | undefined;
  /** ISO 8601; `undefined` when it was not begun. */
  readonly startedAt: string | undefined;
  readonly ms: number;
  /** Of a table with its indexes, or of the index. */
  readonly bytesBefore: number | undefined;
  readonly bytesAfter: number | undefined;
  /** Dead rows of the table. */
  readonly deadBefore: number | undefined;
  readonly deadAfter: number | undefined;
}

/** What a run of statements stands on. */
export interface WorkBench {
  /** Holds the lock of the run, looks after the others, and does no work itself. */
  readonly control: Session;
  openSession(onWarning: (line: string) => void): Promise<Session>;
  readonly settings: MaintenanceSettings;
  readonly ignoredSchemas: readonly string[];
  /** Never 0. */
  readonly lockTimeoutMs: number;
  readonly window: Window | undefined;
  readonly signal: AbortSignal;
  runningMigration(session: Session): Promise<string | undefined>;
  info(line: string): void;
  /** How far the statements in hand are, this often (ms). */
  readonly progress: { readonly everyMs: number; tell(line: string): void };
  readonly onEnd: (outcome: WorkOutcome) => Promise<void>;
}

/** How long (ms) a statement may go on after an interruption before it is cancelled. */
const GRACE_MS = 5_000;
/** How often (ms) a busy database is looked at again. */
const LOOK_AGAIN_MS = 2_000;
/** Before a VACUUM that takes longer (ms) by estimate, it is worth two seconds to know how busy the server is. */
const LONG_MS = 10_000;
/** A statement that fits into less than this (ms) is begun whatever the estimate says. */
const SHORT_MS = 60_000;

/**
 * Carries the items out in their order: tables side by side, indexes one by one, since REINDEX CONCURRENTLY waits for
 * the snapshots of the others. A statement that fails does not stop the rest.
 */
export async function carryOut(items: readonly WorkItem[], bench: WorkBench): Promise<readonly WorkOutcome[]> {
  const run = new Run(bench);
  const over = new AbortController();
  const { control, progress } = bench;
  const count = () => ({ ended: run.outcomes.length, all: items.length });
  const watched = watchWork({ control, inHand: run.inHand, count, ...progress }, over.signal);
  try {
    return await inOrder(items, run, bench.settings.jobs);
  } finally {
    over.abort();
    await watched;
  }
}

async function inOrder(items: readonly WorkItem[], run: Run, jobs: number): Promise<readonly WorkOutcome[]> {
  const of = (...kinds: readonly WorkKind[]) => items.filter(({ kind }) => kinds.includes(kind));
  await run.all(of('drop-leftover', 'drop-unused'), 1);
  await run.all(of('vacuum', 'analyze', 'vacuum-full'), jobs);
  await run.all(of('reindex'), 1);
  return run.outcomes;
}

class Run {
  readonly outcomes: WorkOutcome[] = [];
  readonly inHand = new Map<number, { readonly item: WorkItem; readonly since: number }>();
  readonly #bench: WorkBench;
  readonly #workers: Worker[] = [];
  readonly #load: LoadMeter;
  #patienceMs: number;

  constructor(bench: WorkBench) {
    this.#bench = bench;
    this.#load = new LoadMeter(bench.control);
    this.#patienceMs = bench.settings.patienceMs;
  }

  async all(items: readonly WorkItem[], jobs: number): Promise<void> {
    const queue: WorkItem[] = [];
    for (const item of items) {
      if (item.skipped === undefined) queue.push(item);
      else await this.#end(notBegun(item, 'skipped', item.skipped));
    }
    const work = async (): Promise<void> => {
      const first = queue.shift();
      if (first === undefined) return;
      const worker = await openWorker(this.#bench);
      this.#workers.push(worker);
      try {
        for (let item: WorkItem | undefined = first; item !== undefined; item = queue.shift()) {
          if (await this.#waitsBehind(item, queue)) queue.push(item);
          else await this.#end(await this.#attempt(item, worker));
        }
      } finally {
        this.#workers.splice(this.#workers.indexOf(worker), 1);
        await worker.session.close();
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, work));
  }

  /** What has to wait for a quiet server does not keep the smaller ones behind it waiting. */
  async #waitsBehind(item: WorkItem, queue: readonly WorkItem[]): Promise<boolean> {
    if (!item.isLarge || queue.every(({ isLarge }) => isLarge)) return false;
    return reasonToWait(await this.#look(item), item, this.#bench.settings.busy) !== undefined;
  }

  async #end(outcome: WorkOutcome): Promise<void> {
    this.outcomes.push(outcome);
    await this.#bench.onEnd(outcome);
  }

  async #attempt(item: WorkItem, worker: Worker): Promise<WorkOutcome> {
    const { window, control } = this.#bench;
    const obstacle = await this.#untilQuiet(item);
    if (obstacle !== undefined) return notBegun(item, 'left', obstacle);
    const leftMs = window === undefined ? undefined : window.deadline - Date.now();
    if (leftMs !== undefined && leftMs <= 0) return notBegun(item, 'left', `the time is over (${window!.text})`);
    if (leftMs !== undefined && item.estimatedMs > Math.max(leftMs, SHORT_MS))
      return notBegun(item, 'left', `it takes longer than is left (${window!.text})`);
    const holder = (await readHolders(control, item.tableOid)).get(item.tableOid);
    if (holder !== undefined) return notBegun(item, 'left', holder);
    this.inHand.set(worker.pid, { item, since: Date.now() });
    try {
      if (item.kind === 'vacuum') await this.#pace(item, worker);
      return await runItem(item, worker, this.#bench, leftMs);
    } finally {
      this.inHand.delete(worker.pid);
    }
  }

  /** Waits while the database is busy; the reason when patience or the time ends first. */
  async #untilQuiet(item: WorkItem): Promise<string | undefined> {
    const { signal, settings, window, info } = this.#bench;
    let told: string | undefined;
    for (;;) {
      if (signal.aborted) return 'the run was interrupted';
      const reason = reasonToWait(await this.#look(item), item, settings.busy);
      if (reason === undefined) return undefined;
      const isOver = window !== undefined && Date.now() >= window.deadline;
      if (this.#patienceMs <= 0 || isOver) return reason;
      if (told === undefined) info(`waiting before ${item.kind} ${item.object}: ${reason}`);
      told = reason;
      const pause = Math.min(LOOK_AGAIN_MS, this.#patienceMs);
      await sleep(pause, undefined, { signal }).catch(() => {});
      this.#patienceMs -= pause;
    }
  }

  async #look({ isLarge }: WorkItem): Promise<Activity> {
    const { control, runningMigration, signal } = this.#bench;
    const own = this.#workers.map(({ pid }) => pid);
    const activity = await readActivity(control, own);
    const transactions = isLarge && !this.#isWithinHours() ? await this.#load.measured(signal) : undefined;
    return { ...activity, migration: await runningMigration(control), transactions };
  }

  #isWithinHours(): boolean {
    return isWithin(this.#bench.settings.window, new Date());
  }

  /** A running VACUUM keeps its pace, so it is chosen for each: gently, unless nobody would notice. */
  async #pace({ estimatedMs, isUrgent }: WorkItem, { session }: Worker): Promise<void> {
    const { signal, settings } = this.#bench;
    const isFree = isUrgent || this.#isWithinHours();
    const look = () => (estimatedMs >= LONG_MS ? this.#load.measured(signal) : this.#load.perSecond());
    const limit = costLimitFor(isFree ? 0 : await look(), settings);
    await session.query("select pg_catalog.set_config('vacuum_cost_limit', $1, false)", [String(limit)]);
  }
}

function notBegun(item: WorkItem, state: WorkState, reason: string): WorkOutcome {
  const nothing = { bytesBefore: undefined, bytesAfter: undefined, deadBefore: undefined, deadAfter: undefined };
  return { item, state, reason, startedAt: undefined, ms: 0, ...nothing };
}

// ── one statement ───────────────────────────────────────────────────────────────────────────────────────────────────

async function runItem(
  item: WorkItem,
  worker: Worker,
  bench: WorkBench,
  leftMs: number | undefined,
): Promise<WorkOutcome> {
  const { session } = worker;
  const before = await measure(item, session);
  const startedAt = new Date();
  const { state, reason } = await execute(item, worker, bench, leftMs);
  const ms = Date.now() - startedAt.getTime();
  if (state !== 'done' && item.kind === 'reindex') await dropLeftovers(item, worker, bench);
  const after = await measure(item, session);
  return {
    item,
    state,
    reason,
    startedAt: startedAt.toISOString(),
    ms,
    bytesBefore: before?.bytes,
    bytesAfter: after?.bytes,
    deadBefore: before?.dead,
    deadAfter: after?.dead,
  };
}

interface Ending {
  readonly state: WorkState;
  readonly reason: string | undefined;
}

async function execute(item: WorkItem, worker: Worker, bench: WorkBench, leftMs: number | undefined): Promise<Ending> {
  const { signal, control } = bench;
  let isCancelled = false;
  const cancel = async (): Promise<void> => {
    await sleep(GRACE_MS, undefined, { ref: false });
    if (!isOver) isCancelled = true;
    if (!isOver) await control.query('select pg_catalog.pg_cancel_backend($1)', [worker.pid]).catch(() => {});
  };
  let isOver = false;
  signal.addEventListener('abort', cancel, { once: true });
  worker.warnings.length = 0;
  try {
    await limit(worker.session, leftMs);
    await worker.session.query(item.statement);
    // VACUUM and ANALYZE only warn of what they may not do.
    const refusal = worker.warnings.find((line) => /permission denied|skipping|only .* can/.test(line));
    return refusal === undefined ? { state: 'done', reason: undefined } : { state: 'skipped', reason: refusal };
  } catch (error) {
    if (isCancelled) return { state: 'cut', reason: 'the run was interrupted' };
    return explain(error, bench);
  } finally {
    isOver = true;
    signal.removeEventListener('abort', cancel);
    await limit(worker.session, undefined).catch(() => {});
  }
}

/** The server itself ends the statement with the window; 0 is no limit. */
async function limit(session: Session, ms: number | undefined): Promise<void> {
  await session.query("select pg_catalog.set_config('statement_timeout', $1, false)", [
    String(ms === undefined ? 0 : Math.max(1, Math.round(ms))),
  ]);
}

function explain(error: unknown, { window, lockTimeoutMs }: WorkBench): Ending {
  const known = serverError(error);
  if (known === undefined) return { state: 'failed', reason: messageOf(error) };
  switch (known.code) {
    case SQLSTATE.lockNotAvailable:
      return { state: 'left', reason: `it was locked by others for longer than ${lockTimeoutMs} ms` };
    case SQLSTATE.canceled:
      return {
        state: 'cut',
        reason: isTimeout(known.message) && window ? `the time is over (${window.text})` : known.message,
      };
    case SQLSTATE.insufficientPrivilege:
    case SQLSTATE.undefinedTable:
    case SQLSTATE.undefinedObject:
      return { state: 'skipped', reason: known.message };
    default:
      return { state: 'failed', reason: known.message };
  }
}

function isTimeout(message: string): boolean {
  return message.includes('statement timeout');
}

/** What an interrupted REINDEX CONCURRENTLY leaves is taken away at once. */
async function dropLeftovers({ tableOid }: WorkItem, { session }: Worker, bench: WorkBench): Promise<void> {
  try {
    const indexes = await readIndexes(session, bench.ignoredSchemas, tableOid);
    await limit(session, SHORT_MS);
    for (const { label } of indexes.filter((index) => index.isLeftover))
      await session.query(`drop index concurrently if exists ${label}`);
  } catch (error) {
    bench.info(`not removed, the next run tries again: ${messageOf(error)}`);
  } finally {
    await limit(session, undefined).catch(() => {});
  }
}

interface Measure {
  readonly bytes: number;
  readonly dead: number;
}

/** By name: an index that was rebuilt has another oid. Whoever holds it alone keeps its size to himself. */
async function measure({ object }: WorkItem, session: Session): Promise<Measure | undefined> {
  try {
    const [row] = await session.query<Measure>(
      `select pg_catalog.pg_total_relation_size(c.oid)::float8 as bytes,
         (pg_catalog.pg_stat_get_dead_tuples(c.oid)
           + coalesce(pg_catalog.pg_stat_get_dead_tuples(nullif(c.reltoastrelid, 0)), 0))::float8 as dead
       from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass($1)`,
      [object],
    );
    return row;
  } catch {
    return undefined;
  }
}
