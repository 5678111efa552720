-- Title: Large tables are vacuumed in small steps
-- Category: vacuum
-- Thresholds:
-- - info: rows >= 10000000 and percent >= 10
-- Metric: rows:count
-- Message: {table} has {rows:count} rows and is vacuumed only when {percent:percent} of them are dead, {due:count} rows
-- Remediation: alter table {table} set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01);
-- Why: A share that suits a small table lets a large one gather millions of dead rows between two vacuums, each of which
--   then takes hours.
-- Manual: 10.2

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  c.reltuples as rows,
  100 * own.share as percent,
  least(own.share * c.reltuples, own.most) as due
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select
    coalesce(
      max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor')::float8,
      current_setting('autovacuum_vacuum_scale_factor')::float8
    ) as share,
    nullif(
      greatest(
        coalesce(
          max(option_value) filter (where option_name = 'autovacuum_vacuum_max_threshold')::float8,
          current_setting('autovacuum_vacuum_max_threshold', true)::float8
        ),
        -1
      ),
      -1
    ) as most
  from pg_options_to_table(c.reloptions)
) own
where c.relkind in ('r', 'm')
  and c.relpersistence <> 't'
  and c.reltuples >= 1000000
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by rows desc, object;
