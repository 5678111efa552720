-- ============================================
-- Migration: ROLLBACK_011_enable_rls.sql
-- Description: Leave RLS on the core tables only and take off the reference checks
-- Date: 2025-03-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 011_enable_rls.sql
-- ============================================

-- The policies of 008 on the core tables say the same as those of 011: they stay.
do $$
declare
  target regclass;
begin
  perform set_config('client_min_messages', 'warning', true);

  for target in
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and c.relname not in (
        'employees', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notifications'
      )
    order by c.relname
  loop
    execute format('drop policy if exists tenant_isolation on %s', target);
    execute format('drop policy if exists service_role_access on %s', target);
    execute format('alter table %s disable row level security', target);
  end loop;

  for target in
    select distinct tgrelid
    from pg_trigger
    where tgfoid = to_regprocedure('validate_tenant_access()')
  loop
    execute format('drop trigger if exists tenant_references_insert on %s', target);
    execute format('drop trigger if exists tenant_references_update on %s', target);
  end loop;
end
$$;

drop function if exists apply_tenant_checks();
drop function if exists validate_tenant_access();
drop function if exists apply_tenant_rls(regclass);
drop function if exists make_owner_only(regprocedure);
