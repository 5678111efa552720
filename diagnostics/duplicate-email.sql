-- Title: E-mail addresses belong to one account
-- Category: users
-- Severity: warning
-- Needs:
-- - table public.users (id, email, tenant_id)
-- - table public.employee (id, email, tenant_id)
-- Metric: accounts:count
-- Message: {object} is the address of {accounts} accounts ({users} in users, {employees} in employee): ids {ids}
-- Remediation: Keep the account that is used, and change or delete the others; afterwards unique indexes on
--   lower(email) hold (migration 020).
-- Why: Whoever signs in, resets a password or gets a mail is found by the address, whatever its case. An address is
--   there twice when it is twice in users, twice in one tenant's employees, or in both tables; the same person may
--   work for several tenants. Addresses are shown without their name.
-- Manual: 7.5

with accounts as (
  select 'users' as source, id::text as id, lower(btrim(email)) as address, tenant_id::text as tenant
  from public.users
  where email is not null
  union all
  select 'employee', id::text, lower(btrim(email)), tenant_id::text
  from public.employee
  where email is not null
),
addresses as (
  select
    address,
    count(*) as accounts,
    count(*) filter (where source = 'users') as users,
    count(*) filter (where source = 'employee') as employees,
    count(distinct coalesce(tenant, '')) filter (where source = 'employee') as tenants,
    (array_agg(id order by source desc, id))[1:5] as ids
  from accounts
  where address <> ''
  group by address
)
select
  left(address, 1) || '***@' || split_part(address, '@', 2) as object,
  md5(address) as key,
  accounts,
  users,
  employees,
  array_to_string(ids, ', ') || case when accounts > 5 then ', ...' else '' end as ids
from addresses
where users > 1 or employees > tenants or users > 0 and employees > 0
order by accounts desc, address;
