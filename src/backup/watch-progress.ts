import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Progress } from '../report/progress.ts';
import type { RunningCopy } from './progress.ts';

export interface ProgressWatch {
  /** In the database whose tables are copied. */
  readonly session: Session;
  /** Sessions of this name are watched, except for `ownPids`. */
  readonly applicationName: string;
  readonly ownPids: readonly number[];
  /** `the dump`, for the error. */
  readonly what: string;
  /** Takes the COPYs that run and tells how far it is. */
  readonly describe: (running: readonly RunningCopy[]) => Progress;
  /** Another sign of life: what changes as long as something happens. */
  readonly sign: () => unknown;
  /** Something was heard since the last look; asking takes it back. */
  readonly wasHeard: () => boolean;
  /** Milliseconds; 0 is no limit. */
  readonly idleTimeoutMs: number;
  readonly progress: (progress: Progress) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

const POLL_MS = 500;

/**
 * Tells how far a program of PostgreSQL is, until `signal` ends it.
 * @throws AishaError (backup) that names the blocker when nothing has moved for too long: no row, no sign, no word
 */
export async function watchProgress(options: ProgressWatch): Promise<void> {
  const { idleTimeoutMs, signal } = options;
  let [before, movedAt] = ['', Date.now()];
  while (!signal.aborted) {
    const copies = await runningCopies(options);
    options.progress(options.describe(copies));
    const now = Date.now();
    const state = JSON.stringify([copies, options.sign()]);
    if (options.wasHeard() || state !== before) [before, movedAt] = [state, now];
    if (idleTimeoutMs > 0 && now - movedAt >= idleTimeoutMs) throw await stuck(options);
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Keeps in mind that something was heard until somebody asks. */
export class Ear {
  #heard = false;

  hear(): void {
    this.#heard = true;
  }

  wasHeard(): boolean {
    const answer = this.#heard;
    this.#heard = false;
    return answer;
  }
}

/** The COPYs of the sessions that are watched; the view is there from PostgreSQL 14 on. */
async function runningCopies({ session, applicationName, ownPids }: ProgressWatch): Promise<RunningCopy[]> {
  const [view] = await session.query<{ exists: boolean }>(
    `select pg_catalog.to_regclass('pg_catalog.pg_stat_progress_copy') is not null as exists`,
  );
  if (view?.exists !== true) return [];
  return session.query<RunningCopy>(
    `select n.nspname || '.' || c.relname as name, p.tuples_processed::float8 as rows
     from pg_catalog.pg_stat_progress_copy p
     join pg_catalog.pg_stat_activity a on a.pid = p.pid
     join pg_catalog.pg_class c on c.oid = p.relid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where a.application_name = $1 and a.pid <> all ($2::integer[]) order by 1`,
    [applicationName, ownPids],
  );
}

async function stuck({ session, applicationName, ownPids, idleTimeoutMs, what }: ProgressWatch): Promise<AishaError> {
  const blockers = await session.query<{ line: string }>(
    `select distinct format('pid %s, role %s, %s, since %s', b.pid, b.usename, b.application_name,
       to_char(b.xact_start, 'YYYY-MM-DD HH24:MI:SSOF')) as line
     from pg_catalog.pg_stat_activity a
     cross join lateral unnest(pg_catalog.pg_blocking_pids(a.pid)) blocker
     join pg_catalog.pg_stat_activity b on b.pid = blocker
     where a.application_name = $1 and a.pid <> all ($2::integer[])`,
    [applicationName, ownPids],
  );
  return new AishaError('backup', `${what} has not moved for ${formatDuration(idleTimeoutMs)}`, {
    details: blockers.map(({ line }) => `blocked by ${line}`),
    hint: 'Look at what blocks it, at the disk and at the network; backup.idleTimeout says how long to wait.',
  });
}
