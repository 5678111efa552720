-- Title: Every table with rows was analysed
-- Category: stats
-- Thresholds:
-- - info: rows >= 100
-- - warning: rows >= 10000
-- Metric: rows:count
-- Message: {table} was never analysed: the planner guesses about its {rows:count} rows
-- Remediation: analyze {table};
-- Why: Without statistics every condition is expected to match a fixed share of the rows. A restored database starts
--   without any, since a dump holds none up to PostgreSQL 17. Autovacuum analyses a new table within a minute, unless it
--   is off, or the table is the root of partitions, which it never analyses.
-- Manual: 10.5

with never as (
  select c.oid, c.relkind, c.relname, n.nspname, pg_stat_get_live_tuples(c.oid) as live
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm')
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    -- From PostgreSQL 14 on -1 says so; before, it is an empty table without pages.
    and (c.reltuples < 0 or c.reltuples = 0 and c.relpages = 0)
    -- PostgreSQL 13 keeps no record of analysing the root of partitions.
    and (c.relkind <> 'p' or current_setting('server_version_num')::integer >= 140000)
    and pg_stat_get_last_analyze_time(c.oid) is null
    and pg_stat_get_last_autoanalyze_time(c.oid) is null
)
select
  format('%I.%I', nspname, relname) as object,
  format('%I.%I', nspname, relname) as "table",
  case
    when relkind = 'p' then (
      select coalesce(sum(greatest(leaf.reltuples, pg_stat_get_live_tuples(leaf.oid), 0)), 0)
      from pg_partition_tree(never.oid) tree
      join pg_class leaf on leaf.oid = tree.relid
      where tree.isleaf
    )
    else live
  end as rows
from never
order by rows desc, object;
