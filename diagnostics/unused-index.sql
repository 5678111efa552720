-- Title: Indexes are used
-- Category: indexes
-- Thresholds:
-- - info: bytes >= 1 MB
-- - warning: bytes >= 100 MB
-- Window-Days: 30
-- Metric: bytes:bytes
-- Message: {object} was not used once in {window_days:count} days; it takes {bytes:bytes} and every change of {table} keeps it up
--   to date; to make it again: {undo}
-- Remediation: drop index {concurrently}{object};
-- Why: An index costs space, cache and time at every write. What makes rows unique, identifies them for replication or
--   supports a foreign key is not reported, used or not. Partitions count together. Counters begin anew with a crash, a
--   reset and a restored database, and a standby counts for itself: look there too, and keep what the yearly job needs.
-- Manual: 10.1, 10.3

with used as (
  select
    case when c.relispartition then pg_partition_root(c.oid)::oid else c.oid end as indexrelid,
    sum(pg_stat_get_numscans(c.oid)) as scans,
    sum(c.relpages::bigint) * current_setting('block_size')::integer as bytes
  from pg_class c
  where c.relkind in ('i', 'I')
  group by 1
),
counted as (
  -- A crash wipes the counters of tables and leaves stats_reset of the database as it was; that of the background
  -- writer tells.
  select extract(epoch from now() - greatest(d.stats_reset, b.stats_reset))::float8 / 86400 as window_days
  from pg_stat_database d
  cross join pg_stat_bgwriter b
  where d.datname = current_database()
),
unused as (
  select i.indexrelid, i.indrelid, c.relname, c.relkind, n.nspname, t.relname as table_name, u.bytes
  from used u
  join pg_index i on i.indexrelid = u.indexrelid
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where u.scans = 0
    and not i.indisunique
    and not i.indisexclusion
    and not i.indisreplident
    and not i.indisclustered
    and i.indisvalid
    and t.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and not exists (select from pg_constraint con where con.conindid = i.indexrelid and con.contype <> 'f')
    and not exists (
      select
      from pg_constraint con
      where con.conrelid = i.indrelid
        and con.contype = 'f'
        and con.conkey <@ (i.indkey::int2[])[0:cardinality(con.conkey) - 1]
    )
  order by u.bytes desc, n.nspname, c.relname
  -- What makes an index again is asked of the largest only: it waits for locks.
  limit 100
)
select
  format('%I.%I', unused.nspname, unused.relname) as object,
  format('%I.%I', unused.nspname, unused.table_name) as "table",
  unused.bytes,
  counted.window_days,
  case unused.relkind when 'I' then '' else 'concurrently ' end as concurrently,
  case
    when exists (
      select
      from pg_locks l
      where l.relation in (unused.indexrelid, unused.indrelid) and l.mode = 'AccessExclusiveLock'
    ) then 'its definition is locked now'
    else pg_get_indexdef(unused.indexrelid)
  end as undo
from unused
cross join counted
order by unused.bytes desc, object;
