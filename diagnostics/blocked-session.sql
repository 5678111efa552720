-- Title: Nobody waits long for a lock
-- Category: connections
-- Thresholds:
-- - info: seconds >= 5 s
-- - warning: seconds >= 1 min
-- - critical: seconds >= 2 min
-- Needs:
-- - role pg_read_all_stats
-- Metric: seconds:duration
-- Message: {object} waits {seconds:duration} for {lock}, behind pid {blockers}; first of the chain is pid {root}
--   ({root_state}): {root_query}
-- Remediation: {fix}
-- Why: Who waits behind a lock makes others wait behind him. Ending the first of the chain lets the others go on, one
--   after the other. A change of a table that waits itself holds up everybody who comes later. Run such changes with a short lock_timeout.
-- Manual: 11.2

with recursive waiting as (
  select
    a.pid,
    pg_blocking_pids(a.pid) as blockers,
    a.usename,
    a.application_name,
    extract(epoch from clock_timestamp() - greatest(a.state_change, a.query_start))::float8 as seconds
  from pg_stat_activity a
  where a.datname = current_database()
    and a.wait_event_type = 'Lock'
),
chains as (
  select w.pid, b.pid as blocker, 1 as depth, array[w.pid, b.pid] as path
  from waiting w
  cross join unnest(w.blockers) b(pid)
  union all
  select c.pid, b.pid, c.depth + 1, c.path || b.pid
  from chains c
  join waiting w on w.pid = c.blocker
  cross join unnest(w.blockers) b(pid)
  where b.pid <> all (c.path) and c.depth < 50
),
roots as (
  select distinct on (c.pid) c.pid, c.blocker as root
  from chains c
  where not exists (select from waiting w where w.pid = c.blocker)
  order by c.pid, c.depth desc, c.blocker
),
locks as (
  select distinct on (l.pid)
    l.pid,
    case
      when r.oid is not null then format('%s on %I.%I', l.mode, n.nspname, r.relname)
      when l.locktype = 'transactionid' then 'the end of a transaction'
      else format('%s on %s', l.mode, l.locktype)
    end as lock
  from pg_locks l
  left join pg_class r on r.oid = l.relation and l.database = (
    select oid from pg_database where datname = current_database()
  )
  left join pg_namespace n on n.oid = r.relnamespace
  where not l.granted
  order by l.pid, l.relation nulls last
)
select
  format('pid %s (%s, %s)', w.pid, w.usename, coalesce(nullif(w.application_name, ''), 'no application name')) as object,
  w.seconds,
  coalesce(locks.lock, 'a lock') as lock,
  array_to_string(w.blockers, ', ') as blockers,
  roots.root,
  coalesce(a.state, 'a prepared transaction, or gone') as root_state,
  coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 200), '') as root_query,
  case
    when a.pid is null then 'See pg_prepared_xacts, and roll back what nobody will finish.'
    when a.state = 'active' then format('select pg_cancel_backend(%s);', a.pid)
    else format('select pg_terminate_backend(%s);', a.pid)
  end as fix
from waiting w
left join locks on locks.pid = w.pid
left join roots on roots.pid = w.pid
left join pg_stat_activity a on a.pid = roots.root
where cardinality(w.blockers) > 0
order by w.seconds desc, object;
