-- Title: Indexes are not much larger than their entries
-- Category: bloat
-- Thresholds:
-- - info: wasted >= 10 MB and percent >= 40
-- - warning: wasted >= 100 MB and percent >= 60
-- Metric: wasted:bytes
-- Message: {object} takes {bytes:bytes}, of which {wasted:bytes} ({percent:percent}) are free by estimate
-- Remediation: Measure it with aisha-db bloat --exact; then reindex index concurrently {object};
-- Table:
-- - object as Index
-- - bytes:bytes as Size
-- - wasted:bytes as Free (estimate)
-- - percent:percent as Of size
-- Chart: Free space in indexes, estimated: wasted:bytes by object
-- Why: A B-tree does not give pages back that are nearly empty. The estimate compares its pages with those its entries
--   should need by the statistics of the columns, each entry stored by itself; where equal entries share one (PostgreSQL
--   13 and later) more may be free than it says. Other kinds of index are not estimated.
-- Manual: 10.3, 10.4

with largest as (
  select
    i.indexrelid,
    i.indrelid,
    i.indkey::int2[] as columns,
    n.nspname,
    c.relname,
    c.relpages,
    c.reltuples,
    t.relname as table_name,
    current_setting('block_size')::float8 as block,
    coalesce(
      (select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'),
      90
    ) as fillfactor,
    row_security_active(t.oid) as filtered,
    row_security_active(t.oid) or not has_table_privilege(t.oid, 'select') as hidden
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_am am on am.oid = c.relam
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where am.amname = 'btree'
    and c.relkind = 'i'
    and i.indisvalid
    and c.relpersistence <> 't'
    and c.relpages >= 128
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  order by c.relpages desc
  limit 500
),
keys as (
  -- An expression has its statistics under the name of the index, as the index's own column.
  select
    l.indexrelid,
    l.nspname,
    case when k.attnum = 0 then l.relname else l.table_name end as owner,
    a.attname
  from largest l
  cross join lateral unnest(l.columns) with ordinality k(attnum, position)
  join pg_attribute a
    on a.attrelid = case when k.attnum = 0 then l.indexrelid else l.indrelid end
    and a.attnum = case when k.attnum = 0 then k.position else k.attnum end
),
stats as (
  select s.schemaname, s.tablename, s.attname, s.null_frac, s.avg_width
  from pg_stats s
  where not s.inherited
    and (s.schemaname, s.tablename) in (select nspname, owner from keys)
),
widths as (
  select
    k.indexrelid,
    sum((1 - s.null_frac) * s.avg_width) as width,
    max(s.null_frac) > 0 as has_nulls,
    bool_or(s.attname is null) as is_unknown
  from keys k
  left join stats s on s.schemaname = k.nspname and s.tablename = k.owner and s.attname = k.attname
  group by k.indexrelid
),
estimated as (
  select
    l.*,
    w.is_unknown,
    -- An entry has a header of 8 bytes, 8 more with nulls, and a pointer of 4; a page 40 bytes; and there is a root.
    1 + ceil(
      greatest(l.reltuples, 0)
        * (4 + 8 + case when w.has_nulls then 8 else 0 end + ceil(w.width / 8.0) * 8)
        / ((l.block - 40) * l.fillfactor / 100)
    ) as needed
  from largest l
  join widths w on w.indexrelid = l.indexrelid
)
select
  format('%I.%I', nspname, relname) as object,
  relpages * block as bytes,
  case when is_unknown then relpages else greatest(relpages - needed, 0) end * block as wasted,
  case when is_unknown then 100 else 100 * greatest(relpages - needed, 0) / relpages end as percent,
  case
    when not is_unknown then null
    when hidden
      then format('the statistics for %I.%I are hidden from %I, who may not read all rows', nspname, relname, current_user)
    else format('there are no statistics for %I.%I', nspname, relname)
  end as undecided,
  case
    when filtered then format('alter role %I bypassrls;', current_user)
    when hidden then format('grant select on %I.%I to %I;', nspname, table_name, current_user)
    else format('analyze %I.%I;', nspname, table_name)
  end as decided_by
from estimated
order by wasted desc, object
limit 50;
