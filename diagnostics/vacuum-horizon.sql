-- Title: Nothing keeps vacuum from removing dead rows
-- Category: vacuum
-- Thresholds:
-- - info: seconds >= 1 h
-- - warning: percent >= 10
-- - critical: percent >= 80
-- Needs:
-- - role pg_read_all_stats
-- Metric: age:count
-- Message: {object} holds back vacuum by {age:count} transactions{since}: rows deleted since then stay
-- Remediation: {fix}
-- Why: Vacuum keeps every row that somebody may still see: an old snapshot, a transaction prepared and never finished, a
--   replication slot nobody reads, a standby that reports its queries. Dead rows then pile up in all tables.
-- Manual: 10.2

select
  holder as object,
  age,
  100.0 * age / current_setting('autovacuum_freeze_max_age')::numeric as percent,
  seconds,
  coalesce(format(', %s h', round((seconds / 3600)::numeric, 1)), '') as since,
  fix
from (
  select
    format('pid %s (%s, %s)', a.pid, a.usename, a.state) as holder,
    greatest(age(a.backend_xmin), age(a.backend_xid)) as age,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
    format('select pg_terminate_backend(%s);', a.pid) as fix
  from pg_stat_activity a
  where a.datname = current_database()
    and a.backend_type = 'client backend'
    and a.pid <> pg_backend_pid()
    and (a.backend_xmin is not null or a.backend_xid is not null)
  union all
  select
    format('prepared transaction %s of %s', quote_literal(p.gid), p.owner),
    age(p.transaction),
    extract(epoch from clock_timestamp() - p.prepared)::float8,
    format('rollback prepared %L;', p.gid)
  from pg_prepared_xacts p
  where p.database = current_database()
  union all
  select
    format('replication slot %s (%s)', quote_ident(r.slot_name), case when r.active then 'in use' else 'not in use' end),
    greatest(age(r.xmin), age(r.catalog_xmin)),
    null,
    format('Let its reader catch up, or: select pg_drop_replication_slot(%L);', r.slot_name)
  from pg_replication_slots r
  where r.xmin is not null or r.catalog_xmin is not null
  union all
  select
    format('standby %s', coalesce(nullif(s.application_name, ''), s.client_addr::text, 'pid ' || s.pid)),
    age(s.backend_xmin),
    null,
    'End the long queries on that standby, or switch off its hot_standby_feedback.'
  from pg_stat_replication s
  where s.backend_xmin is not null
) holders
order by age desc nulls last, object;
