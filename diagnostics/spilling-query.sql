-- Title: Queries do their work in memory
-- Category: queries
-- Thresholds:
-- - info: bytes_each >= 10 MB and bytes >= 1 GB
-- - warning: bytes_each >= 100 MB and bytes >= 10 GB
-- Needs:
-- - extension pg_stat_statements
-- - role pg_read_all_stats
-- Metric: bytes_each:bytes
-- Message: writes {bytes_each:bytes} of temporary files with each of {calls:count} calls, {bytes:bytes} in all: {query}
-- Remediation: Give its role or its transaction more work_mem (set local work_mem), or let an index deliver the order
--   that it sorts for.
-- Table:
-- - bytes_each:bytes as Each
-- - bytes:bytes as Written
-- - calls:count as Calls
-- - query as Query
-- Why: Sorts and hash tables that do not fit into work_mem are written to disk and read again. work_mem is for each step
--   of each query: raise it for who needs it, not for everybody.
-- Manual: 9.2, 9.5

select
  'query ' || queryid as object,
  queryid::text as queryid,
  sum(temp_blks_written) * current_setting('block_size')::integer as bytes,
  sum(temp_blks_written) * current_setting('block_size')::integer / sum(calls) as bytes_each,
  sum(calls) as calls,
  left(regexp_replace(min(query), '\s+', ' ', 'g'), 300) as query
from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
  and queryid is not null
  and calls > 0
  and temp_blks_written > 0
group by queryid
order by bytes desc
limit 20;
