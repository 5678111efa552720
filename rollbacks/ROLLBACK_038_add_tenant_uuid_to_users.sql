-- ============================================
-- Migration: ROLLBACK_038_add_tenant_uuid_to_users.sql
-- Description: Remove users.tenant_uuid
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 038_add_tenant_uuid_to_users.sql
-- ============================================

-- users.tenant_id still holds the slug.
alter table users
  drop column if exists tenant_uuid;
