import type { Session } from '../postgres/session.ts';
import type { Bloat, Facts, IndexFacts, TableFacts } from './facts.ts';

/** From this version on (server_version_num) the right to maintain can be granted. */
const MAINTAIN_SINCE = 170_000;

/** Locks that VACUUM, ANALYZE and REINDEX CONCURRENTLY wait for (PostgreSQL docs, table 13.2). */
const CONFLICTING = [
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

export interface ReadOptions {
  readonly ignoredSchemas: readonly string[];
  /** By the label of the index. */
  readonly bloat: ReadonlyMap<string, Bloat>;
}

/** Reads the catalog once; takes no lock on any table and needs no right. */
export async function readFacts(session: Session, { ignoredSchemas, bloat }: ReadOptions): Promise<Facts> {
  const [server] = await session.query<{ role: string; version: number; freezeMaxAge: number }>(
    `select current_user::text as role, current_setting('server_version_num')::integer as version,
       current_setting('autovacuum_freeze_max_age')::float8 as "freezeMaxAge"`,
  );
  const { role, version, freezeMaxAge } = server!;
  return {
    role,
    freezeMaxAge,
    tables: await readTables(session, version, ignoredSchemas),
    indexes: await readIndexes(session, ignoredSchemas),
    bloat,
    holders: await readHolders(session),
  };
}

function readTables(session: Session, version: number, ignoredSchemas: readonly string[]): Promise<TableFacts[]> {
  const granted = version >= MAINTAIN_SINCE ? "pg_catalog.has_table_privilege(c.oid, 'maintain')" : 'false';
  // The owner of the database may vacuum and analyse whatever is in it (PostgreSQL docs, VACUUM).
  return session.query<TableFacts>(
    `with block as (select current_setting('block_size')::float8 as size),
     mine as (
       select pg_catalog.pg_has_role(datdba, 'usage') as database
       from pg_catalog.pg_database where datname = pg_catalog.current_database()
     ),
     index_pages as (select indrelid, sum(relpages) as pages
       from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid group by indrelid),
     leaf as (
       select pg_catalog.pg_partition_root(c.oid)::oid as root, sum(c.relpages) as pages,
         sum(greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0)) as rows,
         max(greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
           pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))) as analysed
       from pg_catalog.pg_class c where c.relispartition and c.relkind = 'r' group by 1
     )
     select
       c.oid, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as label,
       c.relkind = 'p' as "isRoot",
       pg_catalog.pg_get_userbyid(c.relowner) as owner,
       pg_catalog.pg_has_role(c.relowner, 'usage') or mine.database or ${granted} as "mayVacuum",
       pg_catalog.pg_has_role(c.relowner, 'usage') or ${granted} as "mayReindex",
       case
         -- Filled and never vacuumed: the pages are not known yet. Asking for them waits for whoever holds it alone.
         when c.relpages = 0 and c.relkind = 'r' and pg_catalog.pg_stat_get_live_tuples(c.oid) > 0 and not exists (
           select from pg_catalog.pg_locks l where l.relation = c.oid and l.mode = 'AccessExclusiveLock'
         ) then pg_catalog.pg_relation_size(c.oid)
         else (coalesce(leaf.pages, c.relpages) + coalesce(t.relpages, 0)) * block.size
       end as bytes,
       coalesce(i.pages, 0)::float8 * block.size as "indexBytes",
       coalesce(leaf.rows, pg_catalog.pg_stat_get_live_tuples(c.oid))::float8 as "liveRows",
       (pg_catalog.pg_stat_get_dead_tuples(c.oid) + coalesce(pg_catalog.pg_stat_get_dead_tuples(t.oid), 0))::float8 as "deadRows",
       pg_catalog.pg_stat_get_ins_since_vacuum(c.oid)::float8 as "insertedRows",
       pg_catalog.pg_stat_get_mod_since_analyze(c.oid)::float8 as "changedRows",
       coalesce(greatest(pg_catalog.age(nullif(c.relfrozenxid, '0')), pg_catalog.age(nullif(t.relfrozenxid, '0'))), 0)::float8 as age,
       done.at is not null or (c.relkind <> 'p' and c.reltuples > 0) as "isAnalysed",
       c.relkind = 'p' and done.at < leaf.analysed and done.at < now() - interval '7 days' is true as "isRootStale"
     from pg_catalog.pg_class c
     cross join block
     cross join mine
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     left join pg_catalog.pg_class t on t.oid = c.reltoastrelid
     left join index_pages i on i.indrelid = c.oid
     left join leaf on leaf.root = c.oid
     cross join lateral (
       select greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
         pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) as at
     ) done
     where c.relpersistence <> 't' and n.nspname <> all ($1::text[])
       -- PostgreSQL 13 keeps no record of analysing a root: it would be done again in every run.
       and (c.relkind in ('r', 'm') or c.relkind = 'p' and not c.relispartition and $2::integer >= 140000)
     order by label`,
    [ignoredSchemas, version],
  );
}

/** Indexes of all tables or of one; of TOAST only those that are invalid. */
export async function readIndexes(
  session: Session,
  ignoredSchemas: readonly string[],
  tableOid?: number,
): Promise<IndexFacts[]> {
  const rows = await session.query<IndexFacts & { readonly obstacle: string | null }>(
    `select
       c.oid, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as label,
       owner.oid as "tableOid",
       format('%I.%I', place.nspname, owner.relname) as "tableLabel",
       c.relpages * current_setting('block_size')::float8 as bytes,
       i.indisvalid and i.indisready and i.indislive as "isValid",
       case
         when i.indisexclusion then 'PostgreSQL does not rebuild the index of an exclusion constraint concurrently'
         when not i.indisvalid then 'it is invalid: aisha-db indexes says what to do'
       end as obstacle,
       not i.indisvalid and c.relname ~ '_cc(new|old)\\d*$' and exists (
         select
         from pg_catalog.pg_index twin
         where twin.indrelid = i.indrelid and twin.indexrelid <> i.indexrelid and twin.indisvalid
           and twin.indkey = i.indkey and twin.indclass = i.indclass and twin.indcollation = i.indcollation
           and twin.indoption = i.indoption and twin.indisunique = i.indisunique
           and coalesce(pg_catalog.pg_get_expr(twin.indexprs, twin.indrelid), '')
             = coalesce(pg_catalog.pg_get_expr(i.indexprs, i.indrelid), '')
           and coalesce(pg_catalog.pg_get_expr(twin.indpred, twin.indrelid), '')
             = coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')
       ) as "isLeftover"
     from pg_catalog.pg_index i
     join pg_catalog.pg_class c on c.oid = i.indexrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_class t on t.oid = i.indrelid
     -- The index of a TOAST table belongs to the table whose values lie there.
     join pg_catalog.pg_class owner on owner.oid = case
       when t.relkind = 't' then (select m.oid from pg_catalog.pg_class m where m.reltoastrelid = t.oid)
       else t.oid
     end
     join pg_catalog.pg_namespace place on place.oid = owner.relnamespace
     where c.relkind = 'i' and c.relpersistence <> 't'
       and (n.nspname <> all ($1::text[]) or n.nspname = 'pg_toast' and not i.indisvalid)
       and place.nspname <> all ($1::text[])
       and ($2::oid is null or owner.oid = $2)
     order by label`,
    [ignoredSchemas, tableOid ?? null],
  );
  return rows.map((row) => ({ ...row, obstacle: row.obstacle ?? undefined }));
}

/** Who works on which table: a vacuum, an index build, a migration, whatever holds a lock that ours would wait for. */
export async function readHolders(session: Session, tableOid?: number): Promise<ReadonlyMap<number, string>> {
  const rows = await session.query<{ oid: number; holder: string }>(
    `select coalesce(m.oid, l.relation) as oid,
       case
         when a.backend_type = 'autovacuum worker' then format('autovacuum (pid %s) works on it', l.pid)
         else format('pid %s%s works on it (%s)', l.pid, ', ' || nullif(a.application_name, ''), l.mode)
       end as holder
     from pg_catalog.pg_locks l
     join pg_catalog.pg_stat_activity a on a.pid = l.pid
     left join pg_catalog.pg_class m on m.reltoastrelid = l.relation and m.reltoastrelid <> 0
     where l.locktype = 'relation' and l.granted and l.mode = any ($1::text[]) and l.pid <> pg_catalog.pg_backend_pid()
       and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
       and ($2::oid is null or coalesce(m.oid, l.relation) = $2)`,
    [CONFLICTING, tableOid ?? null],
  );
  return new Map(rows.map(({ oid, holder }) => [oid, holder]));
}
