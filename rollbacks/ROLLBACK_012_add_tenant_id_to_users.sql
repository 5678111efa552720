-- ============================================
-- Migration: ROLLBACK_012_add_tenant_id_to_users.sql
-- Description: Unlink users from tenants
-- Date: 2025-03-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 012_add_tenant_id_to_users.sql
-- ============================================

drop policy if exists tenant_isolation on users;
drop policy if exists service_role_access on users;

alter table users
  disable row level security,
  drop column if exists tenant_id;
