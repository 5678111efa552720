-- ============================================
-- Migration: 008_rls_policies.sql
-- Description: First row-level security: isolate the tenants in the core tables
-- Date: 2025-02-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 006_tenant_table.sql
-- Rollback: ROLLBACK_008_rls_policies.sql
-- ============================================
--
-- Breaking Changes:
-- - A session that is not the owner of the tables sees no rows until it sets app.current_tenant_id
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - employees, accounts, contacts, leads, opportunities, activities, notifications: policies
--
-- Indexes Added:
-- - None

-- The setting is read in a scalar subquery: once per query, not once per row.
-- Unset and empty (a reset setting reads as empty) both mean "no tenant": no rows.
do $$
declare
  target text;
begin
  perform set_config('client_min_messages', 'warning', true);

  foreach target in array array[
    'employees', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notifications'
  ]
  loop
    execute format('alter table %I enable row level security', target);

    execute format('drop policy if exists tenant_isolation on %I', target);
    execute format(
      'create policy tenant_isolation on %1$I for all'
      ' using (tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')))'
      ' with check (tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')))',
      target
    );

    -- Supabase's service_role has BYPASSRLS; the policy stands in where the attribute is missing. It is for
    -- sessions that act as service_role, not for every role that has inherited it.
    execute format('drop policy if exists service_role_access on %I', target);
    if to_regrole('service_role') is not null then
      execute format(
        'create policy service_role_access on %I for all to service_role'
        ' using ((select current_user) = ''service_role'') with check ((select current_user) = ''service_role'')',
        target
      );
    end if;
  end loop;
end
$$;
