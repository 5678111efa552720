-- ============================================
-- Migration: 004_tenant_integrations.sql
-- Description: Support third-party integrations per tenant
-- Date: 2025-01-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_004_tenant_integrations.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - tenant_integrations: OAuth credentials, API keys and webhook addresses
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_tenant_integrations_tenant_id

create table if not exists tenant_integrations (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  integration_type varchar(255) not null,
  integration_name varchar(255),
  api_credentials jsonb default '{}',
  webhook_url text,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create index if not exists idx_tenant_integrations_tenant_id on tenant_integrations (tenant_id);
