-- ============================================
-- Migration: 002_seed.sql
-- Description: Seed demonstration data for development, only where the setting aisha.seed is on
-- Date: 2025-01-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_002_seed.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: one account without a password
-- - employees, accounts, contacts, leads, opportunities, activities: rows of the tenant "demo"
--
-- Indexes Added:
-- - None

-- Off by default. To ask for it: psql with PGOPTIONS='-c aisha.seed=on', or
-- `set aisha.seed = 'on'` in the session that applies the file.
-- The ids are fixed, so that the rollback removes these rows and no others.
-- The table `tenant` does not exist yet: 006 adds the tenant "demo" under the same setting.
do $$
begin
  if coalesce(current_setting('aisha.seed', true), '') <> 'on' then
    return;
  end if;

  insert into users (id, email, first_name, last_name)
  values ('d0000000-0000-4000-8000-000000000001', 'superadmin@demo.invalid', 'Demo', 'Superadmin')
  on conflict do nothing;

  insert into employees (id, tenant_id, email, first_name, last_name, role)
  values
    ('d0000000-0000-4000-8000-000000000011', 'demo', 'maria@demo.invalid', 'Maria', 'Lind', 'admin'),
    ('d0000000-0000-4000-8000-000000000012', 'demo', 'jonas@demo.invalid', 'Jonas', 'Weber', 'employee')
  on conflict do nothing;

  insert into accounts (id, tenant_id, name, industry, website)
  values
    ('d0000000-0000-4000-8000-000000000021', 'demo', 'Northwind Traders', 'Retail', 'https://northwind.invalid'),
    ('d0000000-0000-4000-8000-000000000022', 'demo', 'Contoso Logistics', 'Logistics', 'https://contoso.invalid')
  on conflict do nothing;

  insert into contacts (id, tenant_id, account_id, first_name, last_name, email, phone)
  values
    ('d0000000-0000-4000-8000-000000000031', 'demo', 'd0000000-0000-4000-8000-000000000021',
     'Anna', 'Berg', 'anna.berg@northwind.invalid', '+1 555 0100'),
    ('d0000000-0000-4000-8000-000000000032', 'demo', 'd0000000-0000-4000-8000-000000000022',
     'Tom', 'Okafor', 'tom.okafor@contoso.invalid', '+1 555 0101')
  on conflict do nothing;

  insert into leads (id, tenant_id, first_name, last_name, email, company, status)
  values
    ('d0000000-0000-4000-8000-000000000041', 'demo', 'Ines', 'Costa', 'ines@fabrikam.invalid', 'Fabrikam', 'new'),
    ('d0000000-0000-4000-8000-000000000042', 'demo', 'Raj', 'Patel', 'raj@tailspin.invalid', 'Tailspin', 'contacted')
  on conflict do nothing;

  insert into opportunities (id, tenant_id, account_id, contact_id, name, stage, amount, probability)
  values
    ('d0000000-0000-4000-8000-000000000051', 'demo', 'd0000000-0000-4000-8000-000000000021',
     'd0000000-0000-4000-8000-000000000031', 'Northwind renewal', 'proposal', 24000, 60)
  on conflict do nothing;

  insert into activities (id, tenant_id, type, subject, related_type, related_id)
  values
    ('d0000000-0000-4000-8000-000000000061', 'demo', 'call', 'Introduce the renewal offer',
     'contact', 'd0000000-0000-4000-8000-000000000031')
  on conflict do nothing;
end
$$;
