-- ============================================
-- Migration: ROLLBACK_022_secure_performance_logs.sql
-- Description: Remove the policies of performance_logs
-- Date: 2025-05-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 022_secure_performance_logs.sql
-- ============================================

drop policy if exists tenant_isolation on performance_logs;
drop policy if exists service_role_access on performance_logs;

alter table performance_logs
  disable row level security;
