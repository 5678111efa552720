-- Title: Accounts of users and employees are sound
-- Category: users
-- Description: Duplicate e-mail addresses, accounts of tenants that do not exist, and how roles are spread
--
-- RLS hides rows from a role that it binds, and with them what is wrong: run this as a role with
-- BYPASSRLS, or as a superadmin.
--
-- A script for psql, as the manual has it (7.5): it shows whole addresses. The checks of the category
-- users beside it ask the same questions one by one; aisha-db diagnose users runs those.

-- Duplicate e-mail addresses, compared without case, in users and employees together. The same person
-- may work for several tenants; what is reported is an address twice in users, twice in one tenant,
-- or in both tables.
select
  lower(email) as email,
  count(*) filter (where source = 'users') as users,
  count(*) filter (where source = 'employee') as employees,
  array_agg(id order by source desc, id) as ids
from (
  select 'users' as source, id, email, tenant_id from users
  union all
  select 'employee', id, email, tenant_id from employee
) accounts
where email is not null
group by lower(email)
having count(*) filter (where source = 'users') > 1
    or count(*) filter (where source = 'employee') > count(distinct tenant_id) filter (where source = 'employee')
    or (
      count(*) filter (where source = 'users') > 0
      and count(*) filter (where source = 'employee') > 0
    )
order by lower(email);

-- Accounts of a tenant that does not exist.
select
  source,
  id,
  email,
  tenant_id
from (
  select 'users' as source, id, email, tenant_id from users
  union all
  select 'employee', id, email, tenant_id from employee
) accounts
where tenant_id is not null
  and not exists (
    select from tenant t
    where t.id = accounts.tenant_id
  )
order by source desc, email;

-- How many accounts hold each role, and how many of them can be used.
select
  source,
  role,
  count(*) as accounts,
  count(*) filter (where status = 'active') as active
from (
  select 'users' as source, role, status from users
  union all
  select 'employee', role, status from employee
) accounts
group by source, role
order by source desc, accounts desc, role;
