-- ============================================
-- Migration: ROLLBACK_008_rls_policies.sql
-- Description: Remove the first policies and disable RLS
-- Date: 2025-02-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 008_rls_policies.sql
-- ============================================

do $$
declare
  target text;
begin
  perform set_config('client_min_messages', 'warning', true);
  foreach target in array array[
    'employees', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notifications'
  ]
  loop
    execute format('drop policy if exists tenant_isolation on %I', target);
    execute format('drop policy if exists service_role_access on %I', target);
    execute format('alter table %I disable row level security', target);
  end loop;
end
$$;
