-- Title: No single query takes most of the time
-- Category: queries
-- Thresholds:
-- - info: percent >= 33 and total >= 1 min
-- Needs:
-- - extension pg_stat_statements
-- - role pg_read_all_stats
-- Metric: percent:percent
-- Message: takes {percent:percent} of the time the database spends, {total:duration} in {calls:count} calls of
--   {mean:duration}: {query}
-- Remediation: Make it cheaper or ask it less often: an index, a cache, one call for many rows. Its plan is shown by
--   explain (analyze, buffers) with real values.
-- Table:
-- - percent:percent as Of all time
-- - total:duration as Total
-- - calls:count as Calls
-- - mean:duration as Mean
-- - query as Query
-- Chart: Queries that take the most time together: total:duration by query
-- Why: What one statement takes together is what the server is busy with; a fast one that is asked a million times counts
--   for more than a slow one. Sessions of all roles are summed up.
-- Manual: 9.2

select
  'query ' || queryid as object,
  queryid::text as queryid,
  sum(total_exec_time) / 1000 as total,
  100 * sum(total_exec_time) / nullif(sum(sum(total_exec_time)) over (), 0) as percent,
  sum(calls) as calls,
  sum(total_exec_time) / sum(calls) / 1000 as mean,
  left(regexp_replace(min(query), '\s+', ' ', 'g'), 300) as query
from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
  and queryid is not null
  and calls > 0
group by queryid
order by total desc
limit 20;
