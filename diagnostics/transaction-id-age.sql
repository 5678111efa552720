-- Title: Transaction ids are frozen in time
-- Category: vacuum
-- Thresholds:
-- - warning: percent >= 110
-- - critical: age >= 1000000000
-- Metric: age:count
-- Message: the oldest row of {table} is {age:count} transactions old, {percent:percent} of the age at which autovacuum
--   must freeze it; at 2,147,483,648 the server stops writing
-- Remediation: vacuum (freeze, verbose) {table};
-- Table:
-- - table as Table
-- - age:count as Age
-- - percent:percent as Of the limit
-- Why: Row versions older than two thousand million transactions would turn into the future; before that the server
--   refuses to write. Autovacuum freezes tables in time unless something holds it up: a transaction left open, a
--   replication slot, locks, or workers that are too few. Somewhat below the limit is normal, above it is not.
-- Manual: 10.2

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  oldest.age,
  100.0 * oldest.age / current_setting('autovacuum_freeze_max_age')::numeric as percent
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_class toast on toast.oid = c.reltoastrelid
cross join lateral (
  select greatest(age(c.relfrozenxid), age(toast.relfrozenxid)) as age
) oldest
where c.relkind in ('r', 'm')
  and c.relpersistence <> 't'
order by age desc, object
limit 20;
