-- Title: Columns that refer to a table say so
-- Category: schema
-- Severity: info
-- Metric: rows:count
-- Message: {object} is called and typed like a reference to {parent}, and no foreign key says so: nothing keeps its
--   {rows:count} rows from pointing to what is gone
-- Remediation: alter table {table} add constraint {name} foreign key ({column}) references {parent} not valid; alter table
--   {table} validate constraint {name};
-- Why: A column x_id beside a table x (or xs, or xes, or y for ies) with a key of the same type is a reference in all but
--   name. Columns with a partner x_type may point to several tables and are left out. Look for orphans first.
-- Manual: 7.3, 11.5

with columns as (
  select
    c.oid,
    c.relname,
    n.oid as schema,
    n.nspname,
    a.attnum,
    a.attname,
    a.atttypid,
    c.reltuples,
    left(a.attname, -3) as stem
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  where a.attname ~ '.+_id$'
    and a.attnum > 0
    and not a.attisdropped
    and c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
),
parents as (
  select c.oid, c.relname, c.relnamespace as schema, a.attnum, a.attname, a.atttypid
  from pg_class c
  join pg_constraint con on con.conrelid = c.oid and con.contype = 'p'
  join pg_attribute a on a.attrelid = c.oid and con.conkey = array[a.attnum]
  where c.relkind in ('r', 'p')
),
names as (
  select *, stem as parent_name from columns
  union all
  select *, stem || 's' from columns
  union all
  select *, stem || 'es' from columns
  union all
  select *, left(stem, -1) || 'ies' from columns where stem like '%y'
)
select
  format('%I.%I.%I', c.nspname, c.relname, c.attname) as object,
  format('%I.%I', c.nspname, c.relname) as "table",
  format('%I.%I', c.nspname, p.relname) as parent,
  quote_ident(c.attname) as "column",
  quote_ident(left(c.relname || '_' || c.attname, 58) || '_fkey') as name,
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows
from names c
join parents p on p.schema = c.schema and p.relname = c.parent_name and p.atttypid = c.atttypid
where (p.oid <> c.oid or p.attnum <> c.attnum)
  and not exists (
    select
    from pg_constraint con
    where con.conrelid = c.oid and con.contype = 'f' and c.attnum = any (con.conkey)
  )
  and not exists (
    select
    from pg_attribute partner
    where partner.attrelid = c.oid and partner.attname = c.stem || '_type' and not partner.attisdropped
  )
order by rows desc, object;
