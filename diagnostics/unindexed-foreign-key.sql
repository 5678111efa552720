-- Title: Foreign keys have an index
-- Category: indexes
-- Thresholds:
-- - info: rows >= 0
-- - warning: rows >= 10000
-- Metric: rows:count
-- Message: {name} has no index that begins with ({columns}): each row of {parent} that is deleted, or whose key
--   changes, reads the whole of {table}, about {rows:count} rows
-- Remediation: create index {concurrently}on {table} ({columns});
-- Why: A foreign key does not make an index on the columns that refer. Without one the server reads the referring
--   table for every change of the other, under a lock, and joins along the key read it too. An index serves when
--   the columns of the key are its first ones, in any order, and it holds every row that is not null.
-- Manual: 9.5, 10.3

with usable as (
  select i.indexrelid, i.indrelid, i.indkey::int2[] as columns, i.indnkeyatts, am.amname
  from pg_index i
  join pg_class ic on ic.oid = i.indexrelid
  join pg_am am on am.oid = ic.relam
  where i.indisvalid
    and i.indisready
    and i.indislive
    and am.amname in ('btree', 'hash')
    -- "column is not null" leaves out only rows that refer to nothing. Read from the stored tree: pg_get_expr
    -- would wait for locks.
    and (
      i.indpred is null
      or i.indpred::text ~ '^\(?\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\}\)?$'
        and substring(i.indpred::text from ':varattno (\d+) ')::int2 = any (i.indkey::int2[])
    )
),
uncovered as (
  select con.*
  from pg_constraint con
  where con.contype = 'f'
    -- Keys of partitions come with that of their root.
    and con.conparentid = 0
    and not exists (
      select
      from usable u
      where u.indrelid = con.conrelid
        and cardinality(con.conkey) <= u.indnkeyatts
        and con.conkey <@ u.columns[0:cardinality(con.conkey) - 1]
        and (u.amname = 'btree' or cardinality(con.conkey) = 1)
    )
)
select
  format('%I.%I.%I', n.nspname, c.relname, con.conname) as object,
  quote_ident(con.conname) as name,
  format('%I.%I', n.nspname, c.relname) as "table",
  format('%I.%I', pn.nspname, p.relname) as parent,
  keys.columns,
  case c.relkind when 'p' then '' else 'concurrently ' end as concurrently,
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows
from uncovered con
join pg_class c on c.oid = con.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = con.confrelid
join pg_namespace pn on pn.oid = p.relnamespace
cross join lateral (
  select string_agg(quote_ident(a.attname), ', ' order by k.position) as columns
  from unnest(con.conkey) with ordinality k(attnum, position)
  join pg_attribute a on a.attrelid = con.conrelid and a.attnum = k.attnum
) keys
where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by rows desc, object;
