-- Title: Vacuum keeps up
-- Category: vacuum
-- Thresholds:
-- - info: ratio >= 1.5 and changes >= 1000
-- - warning: ratio >= 3 and changes >= 10000
-- Metric: changes:count
-- Message: {table} has {changes:count} {kind} rows since its last vacuum ({vacuumed}), {ratio} times the number at which
--   autovacuum comes
-- Remediation: vacuum (analyze) {table};
-- Why: Dead rows are read with every scan until vacuum takes them away, and inserted ones keep index-only scans from
--   working. The number at which autovacuum comes is that of the table's own settings, where it has some.
-- Manual: 10.2, 10.4

select
  format('%I.%I', s.schemaname, s.relname) as object,
  format('%I.%I', s.schemaname, s.relname) as "table",
  worst.kind,
  worst.changes,
  worst.ratio,
  coalesce(to_char(greatest(s.last_vacuum, s.last_autovacuum), 'YYYY-MM-DD HH24:MI'), 'no time is known') as vacuumed
from pg_stat_user_tables s
-- relallfrozen is there from PostgreSQL 18 on.
cross join (select 0 as relallfrozen) before_18
join lateral (
  select x.oid, x.reltuples, x.relpages, x.reloptions, x.relpersistence, relallfrozen as frozen
  from pg_class x
) c on c.oid = s.relid
cross join lateral (
  select
    max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold')::float8 as base,
    max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor')::float8 as share,
    max(option_value) filter (where option_name = 'autovacuum_vacuum_max_threshold')::float8 as most,
    max(option_value) filter (where option_name = 'autovacuum_vacuum_insert_threshold')::float8 as insert_base,
    max(option_value) filter (where option_name = 'autovacuum_vacuum_insert_scale_factor')::float8 as insert_share
  from pg_options_to_table(c.reloptions)
) own
cross join lateral (
  select
    coalesce(own.base, current_setting('autovacuum_vacuum_threshold')::float8)
      + coalesce(own.share, current_setting('autovacuum_vacuum_scale_factor')::float8) * greatest(c.reltuples, 0)
      as dead,
    -- From PostgreSQL 18 on; below zero it is switched off.
    nullif(greatest(coalesce(own.most, current_setting('autovacuum_vacuum_max_threshold', true)::float8), -1), -1) as most,
    nullif(greatest(coalesce(own.insert_base, current_setting('autovacuum_vacuum_insert_threshold')::float8), -1), -1)
      + coalesce(own.insert_share, current_setting('autovacuum_vacuum_insert_scale_factor')::float8)
        * greatest(c.reltuples, 0)
        * (1 - least(c.frozen::float8 / greatest(c.relpages, 1), 1))
      as inserted
) due
cross join lateral (
  select kind, changes, changes / greatest(due_at, 1) as ratio
  from (
    values ('dead', s.n_dead_tup, least(due.dead, due.most)), ('inserted', s.n_ins_since_vacuum, due.inserted)
  ) reason(kind, changes, due_at)
  where due_at is not null
  order by ratio desc, kind
  limit 1
) worst
where c.relpersistence <> 't'
  and s.schemaname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by worst.ratio desc, object
limit 100;
