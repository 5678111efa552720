-- ============================================
-- Migration: ROLLBACK_075_agent_memory_archive.sql
-- Description: Drop the archives with all their rows
-- Date: 2025-11-16
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 075_agent_memory_archive.sql
-- ============================================

drop table if exists
  agent_events_archive,
  agent_sessions_archive;
