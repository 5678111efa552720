-- Title: Queries that are asked most often
-- Category: queries
-- Needs:
-- - extension pg_stat_statements
-- - role pg_read_all_stats
-- Table:
-- - calls:count as Calls
-- - mean:duration as Mean
-- - rows_each:count as Rows each
-- - total:duration as Total
-- - query as Query
-- Why: One row at a time, very often, is the sign of a loop in the application that asks for each element of a list.
-- Manual: 9.2

select
  queryid::text as queryid,
  sum(calls) as calls,
  sum(rows)::float8 / sum(calls) as rows_each,
  sum(total_exec_time) / sum(calls) / 1000 as mean,
  sum(total_exec_time) / 1000 as total,
  left(regexp_replace(min(query), '\s+', ' ', 'g'), 300) as query
from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
  and queryid is not null
  and calls > 0
group by queryid
order by calls desc, queryid
limit 20;
