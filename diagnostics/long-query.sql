-- Title: No statement runs for long
-- Category: connections
-- Thresholds:
-- - warning: seconds >= 5 min
-- - critical: seconds >= 30 min
-- Needs:
-- - role pg_read_all_stats
-- Metric: seconds:duration
-- Message: {object} has been running one statement for {seconds:duration}{waiting}: {query}
-- Remediation: select pg_cancel_backend({pid});
-- Why: A statement that runs for long holds its locks and its snapshot as long, and may be one that nobody waits for any
--   more. statement_timeout ends such ones by itself.
-- Manual: 9.2, 11.2

select
  format('pid %s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no application name')) as object,
  a.pid,
  extract(epoch from clock_timestamp() - a.query_start)::float8 as seconds,
  coalesce(format(', now waiting for %s %s', a.wait_event_type, a.wait_event), '') as waiting,
  left(regexp_replace(a.query, '\s+', ' ', 'g'), 200) as query
from pg_stat_activity a
where a.datname = current_database()
  and a.backend_type = 'client backend'
  and a.pid <> pg_backend_pid()
  and a.state = 'active'
order by seconds desc
limit 100;
