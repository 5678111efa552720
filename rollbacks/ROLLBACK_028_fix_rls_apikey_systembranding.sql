-- ============================================
-- Migration: ROLLBACK_028_fix_rls_apikey_systembranding.sql
-- Description: Leave api_key and systembranding under the policies that 023 gave them already
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 028_fix_rls_apikey_systembranding.sql
-- ============================================

-- 028 repeats what 023 did to these two tables; on this schema there is nothing to take back.
do $$
begin
  if not (select bool_and(relforcerowsecurity) from pg_class where oid in ('api_key'::regclass, 'systembranding'::regclass)) then
    raise warning 'api_key or systembranding is without forced RLS: apply 999_enable_rls_policies.sql';
  end if;
end
$$;
