-- ============================================
-- Migration: ROLLBACK_076_agent_sessions_archive_unique.sql
-- Description: Allow a session or an event to be archived more than once again
-- Date: 2025-11-16
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 076_agent_sessions_archive_unique.sql
-- ============================================

-- The copies that 076 deleted do not come back.
drop function if exists archive_agent_session(text, text, text, jsonb, jsonb, timestamptz);

alter table agent_sessions_archive
  drop constraint if exists agent_sessions_archive_unique;
alter table agent_events_archive
  drop constraint if exists agent_events_archive_unique;

create index if not exists idx_agent_sessions_archive_tenant_id on agent_sessions_archive (tenant_id);
create index if not exists idx_agent_events_archive_tenant_id on agent_events_archive (tenant_id);
