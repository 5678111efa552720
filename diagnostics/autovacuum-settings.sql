-- Title: Settings of autovacuum
-- Category: vacuum
-- Table:
-- - name as Setting
-- - value as Value
-- - place as For
-- Why: What holds for every table, and the tables that have settings of their own.
-- Manual: 10.2

select name, value, place
from (
  select 1 as rank, name, setting || coalesce(' ' || unit, '') as value, 'every table' as place
  from pg_settings
  where name like 'autovacuum%' or name = 'track_counts'
  union all
  select 2, o.option_name, o.option_value, format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join lateral pg_options_to_table(c.reloptions) o
  where c.reloptions is not null
    and o.option_name like 'autovacuum%'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
) settings
order by rank, place, name;
