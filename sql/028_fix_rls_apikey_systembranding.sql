-- ============================================
-- Migration: 028_fix_rls_apikey_systembranding.sql
-- Description: Make sure that api_key and systembranding have their policies
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 003_create_apikey.sql, 021_systembranding.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_028_fix_rls_apikey_systembranding.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - api_key, systembranding: policies
--
-- Indexes Added:
-- - None

do $$
begin
  perform apply_tenant_rls('api_key');
  perform apply_tenant_rls('systembranding');
end
$$;
