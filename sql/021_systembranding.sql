-- ============================================
-- Migration: 021_systembranding.sql
-- Description: White-label branding per tenant
-- Date: 2025-04-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 007_crud_enhancements.sql
-- Rollback: ROLLBACK_021_systembranding.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - systembranding: Logo, colours and domain of a tenant
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - systembranding_tenant_id_unique
-- - systembranding_custom_domain_unique

-- The row without a tenant is the branding of the product itself.
create table if not exists systembranding (
  id uuid primary key default gen_random_uuid(),
  tenant_id text,
  company_name varchar(255),
  logo_url text,
  primary_color varchar(32),
  secondary_color varchar(32),
  custom_domain varchar(255),
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  constraint systembranding_tenant_id_unique unique nulls not distinct (tenant_id),
  constraint systembranding_custom_domain_unique unique (custom_domain)
);

create or replace trigger systembranding_updated_at
  before update on systembranding
  for each row execute function update_updated_at();
