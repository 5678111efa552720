-- ============================================
-- Migration: 999_enable_rls_policies.sql
-- Description: Secure every table, whenever and by whichever migration it was created
-- Date: 2025-11-14
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 011_enable_rls.sql, 023_comprehensive_rls_security.sql, 052_tenant_identifiers.sql
-- Rollback: ROLLBACK_999_enable_rls_policies.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - every table in public: RLS enabled and forced, policies
--
-- Indexes Added:
-- - None

-- Runs last, and again after any later migration: it reads the catalog, not a list. It fails when a
-- table is left that it cannot secure, so there is nothing to verify by hand afterwards.
do $$
begin
  perform apply_rls_everywhere();
  perform apply_tenant_checks();
end
$$;
