-- Title: Large tables are read through indexes
-- Category: indexes
-- Thresholds:
-- - info: rows_per_day >= 10000000 and rows_per_scan >= 10000 and bytes >= 8 MB
-- - warning: rows_per_day >= 1000000000 and rows_per_scan >= 10000 and bytes >= 8 MB
-- Window-Days: 1
-- Metric: rows_per_day:count
-- Message: {table} ({bytes:bytes}) was read from one end to the other {scans:count} times in {window_days:count} days,
--   {rows_per_scan:count} rows each time
-- Remediation: Find what reads {table} with aisha-db queries, and index the columns it filters by.
-- Table:
-- - table as Table
-- - bytes:bytes as Size
-- - scans:count as Sequential scans
-- - rows_per_scan:count as Rows each
-- - index_scans:count as Index scans
-- Why: Reading all of a small table is right, and one report a day reads what it must. What counts is how many rows are
--   read that way in a day, from tables that are large. Backups, new indexes and parallel workers count as well.
-- Manual: 9.2, 10.3

with counted as (
  select extract(epoch from now() - greatest(d.stats_reset, b.stats_reset))::float8 / 86400 as window_days
  from pg_stat_database d
  cross join pg_stat_bgwriter b
  where d.datname = current_database()
)
select
  format('%I.%I', s.schemaname, s.relname) as object,
  format('%I.%I', s.schemaname, s.relname) as "table",
  c.relpages::bigint * current_setting('block_size')::integer as bytes,
  s.seq_scan as scans,
  coalesce(s.idx_scan, 0) as index_scans,
  s.seq_tup_read / s.seq_scan as rows_per_scan,
  -- Counters that are younger than a day say what a day would bring at the least.
  s.seq_tup_read / greatest(counted.window_days, 1) as rows_per_day,
  counted.window_days
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
cross join counted
where s.seq_scan > 0
  and c.relpersistence <> 't'
  and s.schemaname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by s.seq_tup_read desc, object
limit 20;
