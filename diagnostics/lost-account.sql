-- Title: Accounts belong to a tenant that exists
-- Category: users
-- Severity: critical
-- Needs:
-- - table public.users (id, email, tenant_id)
-- - table public.employee (id, email, tenant_id)
-- - table public.tenant (id)
-- Message: {object} belongs to tenant {tenant}, which does not exist
-- Remediation: update public.{source} set tenant_id = null where id = '{id}'; or restore the tenant, or delete the
--   account.
-- Why: Such an account can sign in and see nothing, or, when the id is given away again, what is not its own. A foreign
--   key forbids it from migration 052 on; rows may be older, or written while triggers were off.
-- Manual: 7.5

with accounts as (
  select 'users' as source, id::text as id, lower(btrim(email)) as address, tenant_id::text as tenant
  from public.users
  where tenant_id is not null
  union all
  select 'employee', id::text, lower(btrim(email)), tenant_id::text
  from public.employee
  where tenant_id is not null
)
select
  format('%s %s (%s***@%s)', a.source, a.id, left(a.address, 1), split_part(a.address, '@', 2)) as object,
  a.source || ' ' || a.id as key,
  a.source,
  a.id,
  a.tenant
from accounts a
where not exists (select from public.tenant t where t.id::text = a.tenant)
order by a.source, a.id;
