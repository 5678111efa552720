-- Title: Nobody holds a connection and does nothing with it
-- Category: connections
-- Thresholds:
-- - info: seconds >= 10 min
-- Needs:
-- - role pg_read_all_stats
-- Metric: seconds:duration
-- Message: {object} has done nothing for {seconds:duration}
-- Remediation: Lower the idle time of its pool, set idle_session_timeout (PostgreSQL 14 and later), or see
--   aisha-db connections --kill-idle 10m.
-- Why: An idle session holds one of the connections and its memory, and nothing else: it keeps no snapshot. A pool of an
--   application keeps some on purpose.
-- Manual: 9.3, 11.2

select
  format('pid %s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no application name')) as object,
  a.pid,
  extract(epoch from clock_timestamp() - a.state_change)::float8 as seconds
from pg_stat_activity a
where a.datname = current_database()
  and a.backend_type = 'client backend'
  and a.pid <> pg_backend_pid()
  and a.state = 'idle'
order by seconds desc
limit 100;
