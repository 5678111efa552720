-- ============================================
-- Migration: ROLLBACK_013_allow_null_tenant_id.sql
-- Description: Require a tenant for every user again
-- Date: 2025-03-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 013_allow_null_tenant_id.sql
-- ============================================

-- Users without a tenant belong to "system" again, as they did before.
alter table users disable trigger user;
update users
set tenant_id = 'system'
where tenant_id is null;
alter table users enable trigger user;

alter table users
  alter column tenant_id set default 'system',
  alter column tenant_id set not null;

do $$
begin
  perform apply_tenant_rls('users');
end
$$;
