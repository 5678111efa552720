-- ============================================
-- Migration: 010_multiple_additions.sql
-- Description: Add accounts.revenue, leads.created_date and users.role
-- Date: 2025-03-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 007_crud_enhancements.sql, 009_complete_schema.sql
-- Rollback: ROLLBACK_010_multiple_additions.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - accounts: revenue
-- - leads: created_date
-- - users: role
--
-- Indexes Added:
-- - idx_users_role

alter table accounts
  add column if not exists revenue numeric(15, 2);
alter table leads
  add column if not exists created_date timestamptz;
alter table users
  add column if not exists role varchar(255) not null default 'user';

alter table leads
  alter column created_date set default now();

-- Filling in a new column is no change of the lead: neither updated_at nor the audit log moves.
alter table leads disable trigger user;
update leads
set created_date = created_at
where created_date is null;
alter table leads enable trigger user;

create index if not exists idx_users_role on users (role);

-- The account that 002 seeds, known by its fixed id, becomes what its name says.
do $$
begin
  if coalesce(current_setting('aisha.seed', true), '') = 'on' then
    update users
    set role = 'superadmin'
    where id = 'd0000000-0000-4000-8000-000000000001'
      and email = 'superadmin@demo.invalid'
      and role <> 'superadmin';
  end if;
end
$$;
