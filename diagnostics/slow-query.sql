-- Title: Queries answer quickly
-- Category: queries
-- Thresholds:
-- - info: mean >= 100 ms and calls >= 10
-- - warning: mean >= 1 s and calls >= 10
-- Needs:
-- - extension pg_stat_statements
-- - role pg_read_all_stats
-- Metric: mean:duration
-- Message: takes {mean:duration} on average, up to {longest:duration}, in {calls:count} calls: {query}
-- Remediation: Run it under explain (analyze, buffers) with real values and look for sequential scans of large tables,
--   estimates that are far off, and sorts that spill.
-- Table:
-- - mean:duration as Mean
-- - calls:count as Calls
-- - total:duration as Total
-- - longest:duration as Longest
-- - query as Query
-- Chart: Slowest queries, mean time of a call: mean:duration by query
-- Why: What one call takes is what somebody waits for. A statement counts from ten calls on, so that maintenance by
--   hand does not; sessions of all roles are summed up.
-- Manual: 9.2, 9.4

select
  'query ' || queryid as object,
  queryid::text as queryid,
  sum(total_exec_time) / sum(calls) / 1000 as mean,
  max(max_exec_time) / 1000 as longest,
  sum(total_exec_time) / 1000 as total,
  sum(calls) as calls,
  left(regexp_replace(min(query), '\s+', ' ', 'g'), 300) as query
from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
  and queryid is not null
  and calls > 0
group by queryid
order by mean desc
limit 20;
