-- Title: Shared row locks are frozen in time
-- Category: vacuum
-- Thresholds:
-- - warning: percent >= 110
-- - critical: age >= 1000000000
-- Metric: age:count
-- Message: the oldest multixact of {table} is {age:count} ids old, {percent:percent} of the age at which autovacuum must
--   freeze it; at 2,147,483,648 no row can be locked by two any more
-- Remediation: vacuum (freeze, verbose) {table};
-- Why: Rows that several transactions lock at once, as foreign keys do, use ids of a second kind, which run out in the same
--   way as transaction ids and are watched less often.
-- Manual: 10.2

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  oldest.age,
  100.0 * oldest.age / current_setting('autovacuum_multixact_freeze_max_age')::numeric as percent
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_class toast on toast.oid = c.reltoastrelid
cross join lateral (
  select greatest(mxid_age(c.relminmxid), mxid_age(toast.relminmxid)) as age
) oldest
where c.relkind in ('r', 'm')
  and c.relpersistence <> 't'
order by age desc, object
limit 20;
