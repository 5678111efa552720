-- ============================================
-- Migration: 012_add_tenant_id_to_users.sql
-- Description: Link users to tenants
-- Date: 2025-03-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 006_tenant_table.sql, 011_enable_rls.sql
-- Rollback: ROLLBACK_012_add_tenant_id_to_users.sql
-- ============================================
--
-- Breaking Changes:
-- - users is closed to sessions that set no tenant
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: tenant_id
--
-- Indexes Added:
-- - idx_users_tenant_id

-- Users without a tenant belong to "system" until 013 lets the column be empty.
do $$
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'users'::regclass and attname = 'tenant_id' and not attisdropped
  ) then
    alter table users
      add column tenant_id text not null default 'system';
  end if;
  perform apply_tenant_rls('users');
end
$$;

create index if not exists idx_users_tenant_id on users (tenant_id);
