-- Title: Tables have a primary key
-- Category: schema
-- Severity: warning
-- Metric: rows:count
-- Message: {table} has no primary key: its rows cannot be told apart, logical replication cannot update them and
--   tools that page through it, or repack it, do not work; it holds about {rows:count} rows
-- Remediation: {fix}
-- Why: A primary key is what foreign keys, replication and every tool that changes single rows rely on.
--   Partitions are judged by their root, tables of extensions by nobody.
-- Manual: A

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows,
  case
    when candidate.name is not null and c.relkind = 'r'
      then format('alter table %I.%I add primary key using index %I;', n.nspname, c.relname, candidate.name)
    when c.relkind = 'p'
      then format('Add a primary key to %I.%I; it has to hold the columns of the partition key.', n.nspname, c.relname)
    else format(
      'alter table %I.%I add column %I bigint generated always as identity primary key;',
      n.nspname,
      c.relname,
      case when has_id.yes then 'row_id' else 'id' end
    )
  end as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
-- The smallest unique index over columns that are never null can become the key at once.
left join lateral (
  select ic.relname as name
  from pg_index i
  join pg_class ic on ic.oid = i.indexrelid
  where i.indrelid = c.oid
    and i.indisunique
    and i.indisvalid
    and i.indimmediate
    and i.indpred is null
    and i.indexprs is null
    and not exists (
      select
      from pg_attribute a
      where a.attrelid = c.oid and a.attnum = any (i.indkey) and not a.attnotnull
    )
    -- A constraint owns its index already.
    and not exists (select from pg_constraint con where con.conindid = i.indexrelid)
  order by i.indnkeyatts, ic.relname
  limit 1
) candidate on true
left join lateral (
  select exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'id') as yes
) has_id on true
where c.relkind in ('r', 'p')
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  and not exists (select from pg_constraint p where p.conrelid = c.oid and p.contype = 'p')
  and not exists (
    select
    from pg_depend d
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by rows desc, object;
