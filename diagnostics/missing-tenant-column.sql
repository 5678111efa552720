-- Title: Every table knows its tenant
-- Category: schema
-- Severity: info
-- Metric: rows:count
-- Message: {table} has no tenant_id and refers to no table that has one, in a schema where {tenant_tables:count} tables
--   have it; nothing says whose its {rows:count} rows are
-- Remediation: Give {table} a tenant_id that refers to the tenant and is not null, or mute this finding if it belongs to
--   all tenants.
-- Why: A row that names its tenant can be kept apart by one simple policy. Rows of a child table belong to the tenant of
--   the row they refer to. Tables that every tenant shares are right without, and should be muted by name.
-- Manual: 7.1, 12.4

with tables as (
  select c.oid, c.relname, n.nspname, c.reltuples, a.attnum is not null as has_tenant
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
  where c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
),
tenants as (
  -- What tenant_id refers to, and what is called so.
  select con.confrelid as oid
  from pg_constraint con
  join pg_attribute a on a.attrelid = con.conrelid and a.attname = 'tenant_id' and con.conkey = array[a.attnum]
  where con.contype = 'f'
  union
  select oid
  from tables
  where relname in ('tenant', 'tenants')
),
counted as (
  select nspname, count(*) filter (where has_tenant) as tenant_tables
  from tables
  group by nspname
)
select
  format('%I.%I', t.nspname, t.relname) as object,
  format('%I.%I', t.nspname, t.relname) as "table",
  greatest(t.reltuples, pg_stat_get_live_tuples(t.oid), 0) as rows,
  counted.tenant_tables
from tables t
join counted on counted.nspname = t.nspname
where not t.has_tenant
  and counted.tenant_tables >= 2
  and t.oid not in (select oid from tenants)
  and not exists (
    select
    from pg_constraint con
    join tables parent on parent.oid = con.confrelid
    where con.conrelid = t.oid and con.contype = 'f' and parent.has_tenant
  )
order by rows desc, object;
