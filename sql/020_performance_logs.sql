-- ============================================
-- Migration: 020_performance_logs.sql
-- Description: Track the performance of API endpoints
-- Date: 2025-04-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_020_performance_logs.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - performance_logs: Timing, status code and error of each request
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_performance_logs_tenant_id
-- - idx_performance_logs_endpoint
-- - idx_performance_logs_created_at

create table if not exists performance_logs (
  id uuid primary key default gen_random_uuid(),
  tenant_id text,
  endpoint varchar(255) not null,
  method varchar(10),
  duration numeric(12, 3) not null,
  status_code integer,
  error text,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

comment on column performance_logs.duration is 'milliseconds';

create index if not exists idx_performance_logs_tenant_id on performance_logs (tenant_id);
create index if not exists idx_performance_logs_endpoint on performance_logs (endpoint);
create index if not exists idx_performance_logs_created_at on performance_logs (created_at);
