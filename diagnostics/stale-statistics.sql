-- Title: Statistics are fresh
-- Category: stats
-- Thresholds:
-- - info: ratio >= 1.5 and changes >= 1000
-- - warning: ratio >= 3 and changes >= 10000
-- Metric: changes:count
-- Message: {changes:count} rows of {table} changed since it was analysed ({analysed}), {ratio} times the number at which
--   autovacuum does so
-- Remediation: analyze {table};
-- Why: The planner chooses by what statistics say about sizes and values. Autovacuum renews them when a share of a table
--   has changed; a table well past that is one it does not get to. A crash sets the counters to zero.
-- Manual: 10.5

select
  format('%I.%I', s.schemaname, s.relname) as object,
  format('%I.%I', s.schemaname, s.relname) as "table",
  s.n_mod_since_analyze as changes,
  s.n_mod_since_analyze / due.changes as ratio,
  coalesce(to_char(greatest(s.last_analyze, s.last_autoanalyze), 'YYYY-MM-DD HH24:MI'), 'no time is known') as analysed
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
cross join lateral (
  select
    max(option_value) filter (where option_name = 'autovacuum_analyze_threshold')::float8 as base,
    max(option_value) filter (where option_name = 'autovacuum_analyze_scale_factor')::float8 as share
  from pg_options_to_table(c.reloptions)
) own
cross join lateral (
  select greatest(
    coalesce(own.base, current_setting('autovacuum_analyze_threshold')::float8)
      + coalesce(own.share, current_setting('autovacuum_analyze_scale_factor')::float8) * greatest(c.reltuples, 0),
    1
  ) as changes
) due
where s.n_mod_since_analyze > 0
  and c.relpersistence <> 't'
  and s.schemaname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by changes desc, object
limit 100;
