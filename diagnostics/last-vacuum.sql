-- Title: When tables were vacuumed and analysed
-- Category: vacuum
-- Table:
-- - table as Table
-- - live:count as Rows
-- - dead:count as Dead
-- - dead_percent:percent as Dead of all
-- - vacuumed as Vacuumed (UTC)
-- - analysed as Analysed (UTC)
-- Why: The twenty tables with most dead rows. Dead rows are not bloat: they are what the next vacuum makes room of.
-- Manual: 10.2, 10.4

select
  format('%I.%I', schemaname, relname) as "table",
  n_live_tup as live,
  n_dead_tup as dead,
  100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0) as dead_percent,
  coalesce(to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI'), 'not known') as vacuumed,
  coalesce(to_char(greatest(last_analyze, last_autoanalyze), 'YYYY-MM-DD HH24:MI'), 'not known') as analysed
from pg_stat_user_tables
where schemaname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by n_dead_tup desc, "table"
limit 20;
