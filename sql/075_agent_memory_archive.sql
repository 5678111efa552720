-- ============================================
-- Migration: 075_agent_memory_archive.sql
-- Description: Add tables that keep the memory of agents for the long term
-- Date: 2025-11-16
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 023_comprehensive_rls_security.sql, 052_tenant_identifiers.sql
-- Rollback: ROLLBACK_075_agent_memory_archive.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - agent_sessions_archive: Archived sessions, metadata and payload
-- - agent_events_archive: Archived events of a session
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_agent_sessions_archive_tenant_id
-- - idx_agent_sessions_archive_user_id
-- - idx_agent_sessions_archive_session_id
-- - idx_agent_sessions_archive_created_at
-- - idx_agent_events_archive_tenant_id
-- - idx_agent_events_archive_user_id
-- - idx_agent_events_archive_session_id
-- - idx_agent_events_archive_created_at

-- Written by the backend only: apply_tenant_rls lets a tenant read, not write, a table named *_archive.
create table if not exists agent_sessions_archive (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null
    constraint fk_agent_sessions_archive_tenant references tenant (id) on delete cascade,
  user_id text not null,
  session_id text not null,
  payload jsonb not null default '{}',
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  archived_at timestamptz default now()
);

create table if not exists agent_events_archive (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null
    constraint fk_agent_events_archive_tenant references tenant (id) on delete cascade,
  user_id text not null,
  session_id text not null,
  event_id text not null,
  event_type varchar(255),
  payload jsonb not null default '{}',
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  archived_at timestamptz default now()
);

create index if not exists idx_agent_sessions_archive_tenant_id on agent_sessions_archive (tenant_id);
create index if not exists idx_agent_sessions_archive_user_id on agent_sessions_archive (user_id);
create index if not exists idx_agent_sessions_archive_session_id on agent_sessions_archive (session_id);
create index if not exists idx_agent_sessions_archive_created_at on agent_sessions_archive (created_at);
create index if not exists idx_agent_events_archive_tenant_id on agent_events_archive (tenant_id);
create index if not exists idx_agent_events_archive_user_id on agent_events_archive (user_id);
create index if not exists idx_agent_events_archive_session_id on agent_events_archive (session_id);
create index if not exists idx_agent_events_archive_created_at on agent_events_archive (created_at);

do $$
begin
  perform apply_tenant_rls('agent_sessions_archive');
  perform apply_tenant_rls('agent_events_archive');
end
$$;
