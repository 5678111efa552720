-- Title: No transaction stays open for long
-- Category: connections
-- Thresholds:
-- - warning: seconds >= 30 min
-- - critical: seconds >= 4 h
-- Needs:
-- - role pg_read_all_stats
-- Metric: seconds:duration
-- Message: {object} has been in one transaction for {seconds:duration}; its present statement: {query}
-- Remediation: select pg_terminate_backend({pid});
-- Why: However short its statements, a transaction keeps its locks, and under repeatable read its snapshot, until it ends.
--   Sessions that do nothing inside one are another check.
-- Manual: 9.3, 11.2

select
  format('pid %s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no application name')) as object,
  a.pid,
  extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
  left(regexp_replace(a.query, '\s+', ' ', 'g'), 200) as query
from pg_stat_activity a
where a.datname = current_database()
  and a.backend_type = 'client backend'
  and a.pid <> pg_backend_pid()
  and a.state = 'active'
  and a.xact_start < a.query_start
order by seconds desc
limit 100;
