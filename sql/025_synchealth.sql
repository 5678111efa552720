-- ============================================
-- Migration: 025_synchealth.sql
-- Description: Monitor the synchronization of integrations
-- Date: 2025-11-07
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 004_tenant_integrations.sql, 007_crud_enhancements.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_025_synchealth.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - sync_health: Status, last success and errors of an integration
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_sync_health_tenant_id
-- - idx_sync_health_integration_id

create table if not exists sync_health (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  integration_id uuid references tenant_integrations (id) on delete cascade,
  status varchar(50) not null default 'unknown'
    constraint sync_health_status_check check (status::text in ('unknown', 'healthy', 'degraded', 'failing')),
  last_sync_at timestamptz,
  last_success_at timestamptz,
  error_count integer not null default 0,
  last_error text,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create index if not exists idx_sync_health_tenant_id on sync_health (tenant_id);
create index if not exists idx_sync_health_integration_id on sync_health (integration_id);

create or replace trigger sync_health_updated_at
  before update on sync_health
  for each row execute function update_updated_at();

do $$
begin
  perform apply_tenant_rls('sync_health');
  perform apply_tenant_checks();
end
$$;
