import type { Session } from '../postgres/session.ts';
import type { Activity, HorizonHolder } from './pace.ts';

/** What others do now. Sessions of this program do not count, nor what this role may not see. */
export async function readActivity(
  session: Session,
  ownPids: readonly number[],
): Promise<Omit<Activity, 'migration' | 'transactions'>> {
  const [row] = await session.query<{ activeSessions: number; lagBytes: number }>(
    `select
       (select count(*)::integer from pg_catalog.pg_stat_activity
        where state = 'active' and backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid()
          and pid <> all ($1::integer[])) as "activeSessions",
       case when pg_catalog.pg_is_in_recovery() then 0 else coalesce((
         select max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn))
         from pg_catalog.pg_stat_replication r where r.state = 'streaming'), 0)::float8 end as "lagBytes"`,
    [ownPids],
  );
  return { ...row!, holders: await readHorizon(session, ownPids) };
}

/** Transactions, prepared ones, slots and standbys that keep dead rows, from the oldest. */
async function readHorizon(session: Session, ownPids: readonly number[]): Promise<HorizonHolder[]> {
  const rows = await session.query<{ holder: string; seconds: number | null; fix: string }>(
    `select holder, seconds, fix
     from (
       select
         format('pid %s (%s%s, %s for %s min)', a.pid, a.usename, ', ' || nullif(a.application_name, ''), a.state,
           floor(extract(epoch from clock_timestamp() - a.xact_start) / 60)) as holder,
         greatest(age(a.backend_xmin), age(a.backend_xid)) as age,
         extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
         format('select pg_terminate_backend(%s);', a.pid) as fix
       from pg_catalog.pg_stat_activity a
       where a.datname = pg_catalog.current_database() and a.backend_type = 'client backend'
         and a.pid <> pg_catalog.pg_backend_pid() and a.pid <> all ($1::integer[])
         and (a.backend_xmin is not null or a.backend_xid is not null)
       union all
       select format('prepared transaction %s of %s', quote_literal(p.gid), p.owner), age(p.transaction),
         extract(epoch from clock_timestamp() - p.prepared)::float8, format('rollback prepared %L;', p.gid)
       from pg_catalog.pg_prepared_xacts p where p.database = pg_catalog.current_database()
       union all
       select format('replication slot %I', r.slot_name), greatest(age(r.xmin), age(r.catalog_xmin)), null,
         format('Let its reader catch up, or: select pg_drop_replication_slot(%L);', r.slot_name)
       from pg_catalog.pg_replication_slots r where r.xmin is not null
       union all
       select format('standby %s', coalesce(nullif(s.application_name, ''), 'pid ' || s.pid)), age(s.backend_xmin), null,
         'End the long queries on that standby, or switch off its hot_standby_feedback.'
       from pg_catalog.pg_stat_replication s where s.backend_xmin is not null
     ) holders
     order by age desc nulls last`,
    [ownPids],
  );
  return rows.map(({ seconds, ...row }) => ({ ...row, seconds: seconds ?? undefined }));
}
