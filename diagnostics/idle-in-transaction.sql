-- Title: No session is left in a transaction
-- Category: connections
-- Thresholds:
-- - warning: seconds >= 5 min
-- - critical: seconds >= 15 min
-- Needs:
-- - role pg_read_all_stats
-- Metric: seconds:duration
-- Message: {object} has been doing nothing inside a transaction for {seconds:duration}; it holds {holds}; its last
--   statement was: {query}
-- Remediation: select pg_terminate_backend({pid});
-- Why: A transaction that stays open keeps its locks, and a snapshot it holds keeps vacuum from removing anything that
--   was deleted since. Set idle_in_transaction_session_timeout so that the server ends such sessions itself.
-- Manual: 9.3, 11.2

select
  format('pid %s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no application name')) as object,
  a.pid,
  extract(epoch from clock_timestamp() - a.state_change)::float8 as seconds,
  concat_ws(
    ', ',
    case when a.backend_xmin is not null then 'a snapshot' end,
    case when a.backend_xid is not null then 'a transaction id' end,
    (select count(*) from pg_locks l where l.pid = a.pid and l.locktype <> 'virtualxid') || ' locks'
  ) as holds,
  left(regexp_replace(a.query, '\s+', ' ', 'g'), 200) as query
from pg_stat_activity a
where a.datname = current_database()
  and a.backend_type = 'client backend'
  and a.pid <> pg_backend_pid()
  and a.state in ('idle in transaction', 'idle in transaction (aborted)')
order by seconds desc;
