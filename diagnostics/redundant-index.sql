-- Title: No index is the beginning of another
-- Category: indexes
-- Severity: info
-- Metric: bytes:bytes
-- Message: {object} ({columns}) is the beginning of {wider} ({wider_columns}), which answers the same questions; it takes
--   {bytes:bytes}
-- Remediation: drop index {concurrently}{object};
-- Why: A B-tree over more columns serves searches for its first ones as well. The narrow index is smaller and may still
--   be worth its cost where the other is much wider; see how often each is used. Unique indexes and those of
--   constraints are not reported.
-- Manual: 10.1, 10.3

with indexes as (
  select
    i.indexrelid,
    i.indrelid,
    i.indisunique,
    i.indisreplident,
    i.indisclustered,
    i.indnkeyatts as width,
    i.indkey::int2[] as columns,
    i.indclass::oid[] as classes,
    i.indcollation::oid[] as collations,
    i.indoption::int2[] as options,
    coalesce(regexp_replace(i.indpred::text, ' :(location|stmt_len) -?\d+', '', 'g'), '') as condition,
    c.relname,
    c.relkind,
    c.relpages,
    n.nspname
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_am am on am.oid = c.relam
  join pg_namespace n on n.oid = c.relnamespace
  where i.indisvalid
    and i.indexprs is null
    and am.amname = 'btree'
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
)
select distinct on (one.indexrelid)
  format('%I.%I', one.nspname, one.relname) as object,
  format('%I.%I', wide.nspname, wide.relname) as wider,
  one.relpages::bigint * current_setting('block_size')::integer as bytes,
  case one.relkind when 'I' then '' else 'concurrently ' end as concurrently,
  (
    select string_agg(quote_ident(a.attname), ', ' order by k.position)
    from unnest(one.columns) with ordinality k(attnum, position)
    join pg_attribute a on a.attrelid = one.indrelid and a.attnum = k.attnum
  ) as columns,
  (
    select string_agg(quote_ident(a.attname), ', ' order by k.position)
    from unnest(wide.columns) with ordinality k(attnum, position)
    join pg_attribute a on a.attrelid = wide.indrelid and a.attnum = k.attnum
  ) as wider_columns
from indexes one
join indexes wide on wide.indrelid = one.indrelid and wide.indexrelid <> one.indexrelid
where not one.indisunique
  and not one.indisreplident
  and not one.indisclustered
  -- As wide and not unique is the same index: another check.
  and (wide.width > one.width or wide.indisunique and wide.width = one.width)
  and one.columns[0:one.width - 1] = wide.columns[0:one.width - 1]
  and one.classes[0:one.width - 1] = wide.classes[0:one.width - 1]
  and one.collations[0:one.width - 1] = wide.collations[0:one.width - 1]
  and one.options[0:one.width - 1] = wide.options[0:one.width - 1]
  and one.condition = wide.condition
  and one.columns <@ wide.columns
  and not exists (select from pg_constraint con where con.conindid = one.indexrelid and con.contype in ('p', 'u', 'x'))
order by one.indexrelid, wide.width, wide.relpages, wide.indexrelid;
