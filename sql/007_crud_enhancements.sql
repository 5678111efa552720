-- ============================================
-- Migration: 007_crud_enhancements.sql
-- Description: Add the fields that create, update and delete operations need
-- Date: 2025-02-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 003_create_apikey.sql, 004_tenant_integrations.sql, 005_bizdev_sources.sql, 006_tenant_table.sql
-- Rollback: ROLLBACK_007_crud_enhancements.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users, employees: status, updated_at
-- - accounts, contacts, leads, opportunities: owner_id, updated_at, deleted_at
-- - activities: owner_id, updated_at, deleted_at
-- - notifications, api_key, tenant_integrations, bizdev_sources, tenant: updated_at
--
-- Indexes Added:
-- - None

create or replace function update_updated_at()
returns trigger
language plpgsql
as $$
begin
  new.updated_at = now();
  return new;
end
$$;

alter table users
  add column if not exists status varchar(255) default 'active';
alter table employees
  add column if not exists status varchar(255) default 'active';

-- The owner of a row is an employee. The foreign keys follow in 032.
alter table accounts
  add column if not exists owner_id uuid,
  add column if not exists deleted_at timestamptz;
alter table contacts
  add column if not exists owner_id uuid,
  add column if not exists deleted_at timestamptz;
alter table leads
  add column if not exists owner_id uuid,
  add column if not exists deleted_at timestamptz;
alter table opportunities
  add column if not exists owner_id uuid,
  add column if not exists deleted_at timestamptz;
alter table activities
  add column if not exists owner_id uuid,
  add column if not exists deleted_at timestamptz;

-- A row that was there before has not been changed since it was created.
do $$
declare
  target text;
begin
  foreach target in array array[
    'users', 'employees', 'accounts', 'contacts', 'leads', 'opportunities', 'activities',
    'notifications', 'api_key', 'tenant_integrations', 'bizdev_sources', 'tenant'
  ]
  loop
    if not exists (
      select from pg_attribute
      where attrelid = target::regclass and attname = 'updated_at' and not attisdropped
    ) then
      execute format('alter table %I add column updated_at timestamptz', target);
      execute format('update %I set updated_at = created_at', target);
      execute format('alter table %I alter column updated_at set default now()', target);
    end if;
    execute format(
      'create or replace trigger %I before update on %I for each row execute function update_updated_at()',
      target || '_updated_at', target
    );
  end loop;
end
$$;
