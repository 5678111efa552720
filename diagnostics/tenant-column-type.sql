-- Title: tenant_id has one type everywhere
-- Category: schema
-- Severity: warning
-- Message: {object} is {type}; {reference} is {wanted}
-- Remediation: alter table {table} alter column tenant_id type {wanted} using tenant_id::{wanted};
-- Why: A tenant_id of another type cannot refer to the tenant, is compared through a cast that no index serves, and lets
--   policies fail or, worse, match nothing. The type of the tenant's own key counts; without one, that of most tables.
--   Policies, views and indexes on the column have to be dropped and made again around the change.
-- Manual: 7.4, A

with columns as (
  select c.oid, n.nspname, c.relname, format_type(a.atttypid, null) as type
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  where a.attname = 'tenant_id'
    and not a.attisdropped
    and c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
),
keys as (
  -- The single-column primary key of a table that is called tenant or tenants.
  select n.nspname, format('%I.%I.%I', n.nspname, c.relname, a.attname) as reference, format_type(a.atttypid, null) as type
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_constraint con on con.conrelid = c.oid and con.contype = 'p'
  join pg_attribute a on a.attrelid = c.oid and con.conkey = array[a.attnum]
  where c.relname in ('tenant', 'tenants')
),
common as (
  select distinct on (nspname) nspname, format('that of most tables in %I', nspname) as reference, type
  from columns
  group by nspname, type
  having count(*) > 1
  order by nspname, count(*) desc, type
),
wanted as (
  select distinct on (nspname) nspname, reference, type
  from (select 1 as rank, keys.* from keys union all select 2, common.* from common) candidates
  order by nspname, rank, reference
)
select
  format('%I.%I.tenant_id', c.nspname, c.relname) as object,
  format('%I.%I', c.nspname, c.relname) as "table",
  c.type,
  w.type as wanted,
  w.reference
from columns c
join wanted w on w.nspname = c.nspname
where c.type <> w.type
  -- The tenant table may call its own slug so (before migration 052).
  and c.relname not in ('tenant', 'tenants')
order by object;
