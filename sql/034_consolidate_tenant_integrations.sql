-- ============================================
-- Migration: 034_consolidate_tenant_integrations.sql
-- Description: Make tenant_integrations the one place for integrations
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 004_tenant_integrations.sql
-- Rollback: ROLLBACK_034_consolidate_tenant_integrations.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - tenant_integrations: is_active, config
--
-- Indexes Added:
-- - idx_tenant_integrations_integration_type

-- What distinguishes integrations is their type and config, not the table they are in.
alter table tenant_integrations
  add column if not exists is_active boolean not null default true,
  add column if not exists config jsonb not null default '{}';

create index if not exists idx_tenant_integrations_integration_type on tenant_integrations (integration_type);
