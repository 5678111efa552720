-- ============================================
-- Migration: 005_bizdev_sources.sql
-- Description: Track the sources leads come from
-- Date: 2025-02-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_005_bizdev_sources.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - bizdev_sources: Lead generation channels and attribution
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_bizdev_sources_tenant_id

create table if not exists bizdev_sources (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  name varchar(255) not null,
  source_type varchar(255),
  description text,
  cost numeric(15, 2) default 0,
  is_active boolean default true,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create index if not exists idx_bizdev_sources_tenant_id on bizdev_sources (tenant_id);
