import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { IdleSession } from './idle-sessions.ts';

/** What became of a session that was to be ended. */
export type EndResult = 'ended' | 'no longer idle' | 'not permitted';

/** Whether this role sees what others do: without it every other session looks as if it did nothing known. */
export async function seesSessions(session: Session): Promise<boolean> {
  const [row] = await session.query<{ sees: boolean }>(
    "select pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as sees",
  );
  return row!.sees;
}

/** Sessions of this database that do nothing, inside a transaction or not; not this one. */
export function readIdleSessions(session: Session): Promise<IdleSession[]> {
  return session.query<IdleSession>(`
    select
      a.pid,
      a.usename::text as role,
      coalesce(a.application_name, '') as application,
      coalesce(pg_catalog.host(a.client_addr), 'local') as client,
      a.state,
      extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::float8 as seconds,
      a.backend_start::text as "startedAt",
      a.state_change::text as "stateSince",
      coalesce(r.rolsuper, true) as "isSuperuser",
      coalesce(r.rolreplication, true) as "mayReplicate",
      (select count(*)::integer from pg_catalog.pg_locks l where l.pid = a.pid and l.locktype = 'advisory')
        as "advisoryLocks"
    from pg_catalog.pg_stat_activity a
    left join pg_catalog.pg_roles r on r.oid = a.usesysid
    where a.datname = pg_catalog.current_database()
      and a.backend_type = 'client backend'
      and a.pid <> pg_catalog.pg_backend_pid()
      and a.state in ('idle', 'idle in transaction', 'idle in transaction (aborted)')
  `);
}

/** Ends a session if it is still the same one and still has nothing to do since then. */
export async function endSession(session: Session, idle: IdleSession): Promise<EndResult> {
  try {
    const [row] = await session.query<{ ended: boolean }>(
      `select pg_catalog.pg_terminate_backend(a.pid) as ended
       from pg_catalog.pg_stat_activity a
       where a.pid = $1 and a.backend_start::text = $2 and a.state_change::text = $3 and a.state = $4`,
      [idle.pid, idle.startedAt, idle.stateSince, idle.state],
    );
    return row?.ended === true ? 'ended' : 'no longer idle';
  } catch (error) {
    if (serverError(error)?.code === SQLSTATE.insufficientPrivilege) return 'not permitted';
    throw error;
  }
}
