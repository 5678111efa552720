import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { OtherSession } from './facts.ts';
import { readBlockers } from './read-facts.ts';

/**
 * Settings of every session that reads contents to compare: no limit that a role has been given ends them, no policy
 * hides a row without an error, and values are written as text in one way only.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: '',
  row_security: 'off',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  datestyle: 'ISO, MDY',
  timezone: 'UTC',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  quote_all_identifiers: 'off',
};

/** "AISB" in ASCII: one backup of a database at a time, from whatever machine. */
const BACKUP_LOCK = 0x41495342;

const POLL_MS = 200;

/**
 * Opens a session that reads contents to compare.
 * @throws AishaError (connection)
 */
export async function openReader(target: Target, applicationName: string, signal?: AbortSignal): Promise<Session> {
  // The user's own name is for his own sessions: these are found by theirs.
  const { applicationName: _, ...rest } = target;
  const session = await Session.open({ ...rest, describe: () => target.describe() }, { applicationName, signal });
  const settings = Object.entries(SETTINGS);
  const calls = settings.map((_setting, i) => `pg_catalog.set_config($${2 * i + 1}, $${2 * i + 2}, false)`);
  await session.query(`select ${calls.join(', ')}`, settings.flat());
  // Since 17; a role may have been given one.
  await session.query(
    `select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name = 'transaction_timeout'`,
  );
  return session;
}

/**
 * Makes sure that nobody else backs this database up, for as long as the session lives.
 * @throws AishaError (lock) when another backup still runs after `waitMs`
 */
export async function claimDatabase(session: Session, waitMs: number, signal: AbortSignal): Promise<void> {
  const deadline = waitMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + waitMs;
  for (;;) {
    const [row] = await session.query<{ got: boolean }>('select pg_catalog.pg_try_advisory_lock($1, 0) as got', [
      BACKUP_LOCK,
    ]);
    if (row?.got === true) return;
    if (Date.now() >= deadline) throw await claimed(session);
    await sleep(POLL_MS);
    signal.throwIfAborted();
  }
}

async function claimed(session: Session): Promise<AishaError> {
  const holders = await session.query<{ line: string }>(
    `select format('pid %s, %s, since %s', l.pid, a.application_name, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF')) as line
     from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.classid = $1::bigint::oid and l.objid = 0
       and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())`,
    [BACKUP_LOCK],
  );
  return new AishaError('lock', 'another backup of this database is being taken', {
    details: holders.map(({ line }) => `by ${line}`),
    hint: 'Wait until it is done and run again.',
  });
}

/**
 * Waits until nobody holds a lock that a dump cannot share.
 * @throws AishaError (lock) naming who does after `waitMs`
 */
export async function awaitBlockers(
  session: Session,
  waitMs: number,
  onWait: (blockers: readonly OtherSession[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const deadline = waitMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + waitMs;
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    const blockers = await readBlockers(session);
    if (blockers.length === 0) return;
    if (!told) onWait(blockers);
    if (Date.now() >= deadline) throw blocked(blockers);
    await sleep(POLL_MS);
  }
}

/** `pid 42, role app, psql, since 2026-11-27 09:00:00+00, holds public.invoice`. */
export function describeSession({ pid, role, application, since, relations }: OtherSession): string {
  const parts = [
    pid === null ? 'a prepared transaction' : `pid ${pid}`,
    role && `role ${role}`,
    application,
    since && `since ${since}`,
    relations.length > 0 && `holds ${relations.join(', ')}`,
  ];
  return parts.filter(Boolean).join(', ');
}

function blocked(blockers: readonly OtherSession[]): AishaError {
  return new AishaError('lock', 'tables are locked so that they cannot be backed up', {
    details: blockers.map(describeSession),
    hint: 'Wait until those transactions end, wait longer with backup.lockWait, or end one with: select pg_terminate_backend(PID).',
  });
}
