-- Title: Roles of accounts
-- Category: users
-- Needs:
-- - table public.users (role, status)
-- - table public.employee (role, status)
-- Table:
-- - source as Table
-- - role as Role
-- - accounts:count as Accounts
-- - active:count as Active
-- Why: How many accounts hold each role, and how many of them can be used. A superadmin sees every tenant.
-- Manual: 7.5

select source, role, count(*) as accounts, count(*) filter (where status = 'active') as active
from (
  select 'users' as source, role::text as role, status::text as status
  from public.users
  union all
  select 'employee', role::text, status::text
  from public.employee
) accounts
group by source, role
order by source desc, accounts desc, role;
