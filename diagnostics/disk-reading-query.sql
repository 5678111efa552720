-- Title: Queries find their data in memory
-- Category: queries
-- Thresholds:
-- - info: hit_percent <= 90 and bytes_read >= 10 GB
-- Needs:
-- - extension pg_stat_statements
-- - role pg_read_all_stats
-- Metric: bytes_read:bytes
-- Message: found {hit_percent:percent} of its pages in the server's memory and read {bytes_read:bytes} from outside of it
--   ({read_time}), in {calls:count} calls: {query}
-- Remediation: See by explain (analyze, buffers) which step reads so much; an index that is narrower or fits better reads
--   less.
-- Table:
-- - bytes_read:bytes as Read
-- - hit_percent:percent as In memory
-- - read_time as Waited for reading
-- - calls:count as Calls
-- - query as Query
-- Why: Pages that are not in shared_buffers come from the cache of the system or from disk. How long that took is only
--   known while track_io_timing is on.
-- Manual: 9.2

select
  'query ' || queryid as object,
  queryid::text as queryid,
  sum(shared_blks_read) * current_setting('block_size')::integer as bytes_read,
  100.0 * sum(shared_blks_hit) / nullif(sum(shared_blks_hit) + sum(shared_blks_read), 0) as hit_percent,
  case
    when current_setting('track_io_timing')::boolean then round((sum(read_ms) / 1000)::numeric, 1) || ' s'
    else 'not measured'
  end as read_time,
  sum(calls) as calls,
  left(regexp_replace(min(query), '\s+', ' ', 'g'), 300) as query
-- The name of the column changed with version 1.11 of the extension, which may lag behind the server.
from (select null::float8 as shared_blk_read_time, null::float8 as blk_read_time) unknown
cross join lateral (
  select
    queryid,
    dbid,
    calls,
    query,
    shared_blks_read,
    shared_blks_hit,
    coalesce(shared_blk_read_time, blk_read_time) as read_ms
  from pg_stat_statements
) s
where dbid = (select oid from pg_database where datname = current_database())
  and queryid is not null
  and calls > 0
  and shared_blks_read > 0
group by queryid
order by bytes_read desc
limit 20;
