-- Title: Autovacuum is on
-- Category: vacuum
-- Thresholds:
-- - warning: everywhere = 0
-- - critical: everywhere = 1
-- Message: {object} {state}: {effect}
-- Remediation: {fix}
-- Why: Without autovacuum tables grow, statistics age, and in the end the server stops to protect itself from running out
--   of transaction ids. It is switched off for a bulk load and forgotten.
-- Manual: 10.2

select
  'setting ' || name as object,
  1 as everywhere,
  'is off' as state,
  'no table is vacuumed or analysed by itself' as effect,
  case source
    when 'database' then format('alter database %I reset %I;', current_database(), name)
    else format('alter system set %I = on; select pg_reload_conf();', name)
  end as fix
from pg_settings
where name in ('autovacuum', 'track_counts') and setting = 'off'
union all
select
  format('%I.%I', n.nspname, c.relname),
  0,
  format('has %s = %s', o.option_name, o.option_value),
  'it is vacuumed and analysed by hand or not at all',
  case c.relkind
    when 't' then format('alter table %s reset (toast.autovacuum_enabled);', owner.name)
    else format('alter table %I.%I reset (autovacuum_enabled);', n.nspname, c.relname)
  end
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_options_to_table(c.reloptions) o
left join lateral (
  select format('%I.%I', tn.nspname, t.relname) as name
  from pg_class t
  join pg_namespace tn on tn.oid = t.relnamespace
  where t.reltoastrelid = c.oid
) owner on true
where c.reloptions is not null
  and o.option_name = 'autovacuum_enabled'
  -- Whatever means off to PostgreSQL: off, false, no, 0 and what begins like them.
  and o.option_value ~* '^(of|off|f|fa|fal|fals|false|n|no|0)$'
order by everywhere desc, object;
