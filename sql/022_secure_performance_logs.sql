-- ============================================
-- Migration: 022_secure_performance_logs.sql
-- Description: Apply RLS to performance_logs
-- Date: 2025-05-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 011_enable_rls.sql, 020_performance_logs.sql
-- Rollback: ROLLBACK_022_secure_performance_logs.sql
-- ============================================
--
-- Breaking Changes:
-- - A session without a tenant sees no performance logs
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - performance_logs: policies
--
-- Indexes Added:
-- - None

do $$
begin
  perform apply_tenant_rls('performance_logs');
end
$$;
