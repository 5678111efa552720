-- Title: Since when the server counts
-- Category: stats
-- Table:
-- - counters as Counters
-- - since as Since (UTC)
-- - age:duration as For
-- Why: What is unused, or slow, or often read is said by counters, and counters only speak of their time. Since PostgreSQL
--   15 a crash empties those of tables and indexes and leaves their reset time as it was; the background writer's tells.
-- Manual: none

select counters, to_char(since, 'YYYY-MM-DD HH24:MI') as since, extract(epoch from now() - since)::float8 as age
from (
  select 1 as rank, 'tables and indexes' as counters, greatest(d.stats_reset, b.stats_reset) as since
  from pg_stat_database d
  cross join pg_stat_bgwriter b
  where d.datname = current_database()
  union all
  select 2, 'background writer', stats_reset
  from pg_stat_bgwriter
  union all
  select 3, 'server', pg_postmaster_start_time()
) known
order by rank;
