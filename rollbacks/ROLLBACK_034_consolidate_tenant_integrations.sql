-- ============================================
-- Migration: ROLLBACK_034_consolidate_tenant_integrations.sql
-- Description: Remove what 034 added to tenant_integrations
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 034_consolidate_tenant_integrations.sql
-- ============================================

alter table tenant_integrations
  drop column if exists is_active,
  drop column if exists config;

drop index if exists idx_tenant_integrations_integration_type;
