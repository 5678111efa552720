-- ============================================
-- Migration: 003_create_apikey.sql
-- Description: Add API keys for external integrations
-- Date: 2025-01-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_003_create_apikey.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - api_key: API authentication tokens, stored as bcrypt hashes
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_api_key_tenant_id

create table if not exists api_key (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  name varchar(255) not null,
  key_hash varchar(255) not null,
  key_prefix varchar(16),
  is_active boolean default true,
  rate_limit_per_minute integer default 60,
  last_used_at timestamptz,
  expires_at timestamptz,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

comment on column api_key.key_hash is 'bcrypt hash; the key itself is shown once and never stored';

create index if not exists idx_api_key_tenant_id on api_key (tenant_id);
