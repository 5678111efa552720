-- Title: Tables are not much larger than their rows
-- Category: bloat
-- Thresholds:
-- - info: wasted >= 10 MB and percent >= 30
-- - warning: wasted >= 100 MB and percent >= 50
-- Metric: wasted:bytes
-- Message: {table} takes {bytes:bytes}, of which {wasted:bytes} ({percent:percent}) are free or dead by estimate;
--   {dead_percent:percent} of its rows are dead now
-- Remediation: Measure it with aisha-db bloat --exact; then vacuum (analyze) {table}; and, if the space is needed,
--   pg_repack, or vacuum full in a maintenance window, which locks {table}.
-- Table:
-- - table as Table
-- - bytes:bytes as Size
-- - wasted:bytes as Free or dead (estimate)
-- - percent:percent as Of size
-- - dead_percent:percent as Dead rows
-- Chart: Free space in tables, estimated: wasted:bytes by object
-- Why: Space that updates and deletes leave is used again by the same table, but read by every scan. The estimate
--   compares the pages a table has with those its rows should need by the statistics of its columns: padding and
--   fillfactor are in it, what lies in TOAST is not. It ranks; a verdict takes a measurement. Dead rows are something
--   else: what the next vacuum makes room of.
-- Manual: 10.4

with largest as (
  select
    c.oid,
    n.nspname,
    c.relname,
    c.relpages,
    c.reltuples,
    current_setting('block_size')::float8 as block,
    coalesce(
      (select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'),
      100
    ) as fillfactor,
    row_security_active(c.oid) as filtered
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm')
    and c.relpersistence <> 't'
    and c.relpages >= 128
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  order by c.relpages desc
  limit 500
),
widths as (
  select
    s.schemaname,
    s.tablename,
    sum((1 - s.null_frac) * s.avg_width) as width,
    max(s.null_frac) > 0 as has_nulls,
    count(*) as known
  from pg_stats s
  where (s.schemaname, s.tablename) in (select nspname, relname from largest)
    -- Of a table with children there is a second row, for all of them together.
    and not s.inherited
  group by s.schemaname, s.tablename
),
columns as (
  select a.attrelid, count(*) as columns
  from pg_attribute a
  where a.attnum > 0 and not a.attisdropped and a.attrelid in (select oid from largest)
  group by a.attrelid
),
estimated as (
  select
    l.*,
    w.known is distinct from c.columns as is_unknown,
    -- A row has a header of 23 bytes and, with nulls, a bit for each column, rounded up to 8, and a pointer of 4.
    ceil(
      greatest(l.reltuples, 0)
        * (
          4
            + ceil((23 + case when w.has_nulls then ceil(c.columns / 8.0) else 0 end) / 8.0) * 8
            + ceil(w.width / 8.0) * 8
        )
        / ((l.block - 24) * l.fillfactor / 100)
    ) as needed
  from largest l
  join columns c on c.attrelid = l.oid
  left join widths w on w.schemaname = l.nspname and w.tablename = l.relname
)
select
  format('%I.%I', nspname, relname) as object,
  format('%I.%I', nspname, relname) as "table",
  relpages * block as bytes,
  case when is_unknown then relpages else greatest(relpages - needed, 0) end * block as wasted,
  case when is_unknown then 100 else 100 * greatest(relpages - needed, 0) / relpages end as percent,
  round(
    (100.0 * pg_stat_get_dead_tuples(oid)
      / greatest(pg_stat_get_live_tuples(oid) + pg_stat_get_dead_tuples(oid), 1))::numeric,
    1
  ) as dead_percent,
  case
    when not is_unknown then null
    when filtered or not has_table_privilege(oid, 'select')
      then format('the statistics of %I.%I are hidden from %I, who may not read all of its rows', nspname, relname, current_user)
    else format('%I.%I has no statistics for all of its columns', nspname, relname)
  end as undecided,
  case
    when filtered then format('alter role %I bypassrls;', current_user)
    when not has_table_privilege(oid, 'select') then format('grant select on %I.%I to %I;', nspname, relname, current_user)
    else format('analyze %I.%I;', nspname, relname)
  end as decided_by
from estimated
order by wasted desc, object
limit 50;
