-- ============================================
-- Migration: ROLLBACK_999_enable_rls_policies.sql
-- Description: Leave every table secured
-- Date: 2025-11-14
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 999_enable_rls_policies.sql
-- ============================================

-- 999 gives each table what its own migration gave it already. Taking that away would open the tables
-- to every tenant, and is not what rolling back a check means: the policies go with the migrations
-- that made them.
do $$
begin
  perform apply_rls_everywhere();
end
$$;
