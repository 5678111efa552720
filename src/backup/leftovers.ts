import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIdentityRunning } from '../postgres/process-identity.ts';
import type { Session } from '../postgres/session.ts';
import { endRun, type RunRecord, readRuns, recordFailure } from './store.ts';

/**
 * Ends what runs that were killed have left: their programs, their sessions on this server, their folders. Runs of
 * other machines are left alone: whether they still go on cannot be seen from here.
 * @returns a line for each run that was cleared away
 */
export async function clearLeftovers(store: string, session: Session | undefined): Promise<string[]> {
  const abandoned = abandonedRuns(store);
  for (const run of abandoned) {
    if (run.applicationName !== '') await endWork(run, session);
    if (run.database !== '') recordFailure(store, failureOf(run));
    endRun(store, run.id);
  }
  return abandoned.map(describeCleared);
}

function abandonedRuns(store: string): RunRecord[] {
  return readRuns(store).filter((run) => run.machine === hostname() && !isIdentityRunning(run.owner));
}

function describeCleared({ id, startedAt }: RunRecord): string {
  return `cleared away what the run ${id} of ${startedAt} had left`;
}

/**
 * Removes what runs that were killed have left in the store and nowhere else: those that read a backup, decrypted it or
 * removed it. It needs no server, so that every command can do it; in a store that may only be read it does nothing.
 * @returns a line for each run that was cleared away
 */
export function clearReaders(store: string): string[] {
  const dead = abandonedRuns(store).filter(
    ({ applicationName, database }) => applicationName === '' && database === '',
  );
  return dead.flatMap((run) => {
    try {
      endRun(store, run.id);
      return [describeCleared(run)];
    } catch (error) {
      if (['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  });
}

/** Ends all sessions of a run but those given. */
export async function endSessions(session: Session, applicationName: string, but: readonly number[]): Promise<void> {
  await session.query(
    `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
     where application_name = $1 and pid <> all ($2::integer[])`,
    [applicationName, but],
  );
}

async function endWork({ applicationName }: RunRecord, session: Session | undefined): Promise<void> {
  for (const pid of processesNamed(applicationName)) endProcess(pid);
  if (session !== undefined) await endSessions(session, applicationName, []);
}

/**
 * The programs that were started with that name for their sessions: their environment holds it, and nobody else's
 * does. Elsewhere than on Linux they end by themselves when the server ends their sessions.
 */
function processesNamed(applicationName: string): number[] {
  if (process.platform !== 'linux') return [];
  const wanted = `PGAPPNAME=${applicationName}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).includes(wanted))
    .map(Number);
}

/** Empty for other people's processes and for those that have just ended. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function failureOf({ id, database, class: backupClass, startedAt }: RunRecord): Parameters<typeof recordFailure>[1] {
  return { id, database, class: backupClass, at: startedAt, reason: 'the run was killed' };
}
