-- ============================================
-- Migration: ROLLBACK_007_crud_enhancements.sql
-- Description: Remove the fields and triggers that 007 added
-- Date: 2025-02-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 007_crud_enhancements.sql
-- ============================================

do $$
declare
  target text;
begin
  perform set_config('client_min_messages', 'warning', true);
  foreach target in array array[
    'users', 'employees', 'accounts', 'contacts', 'leads', 'opportunities', 'activities',
    'notifications', 'api_key', 'tenant_integrations', 'bizdev_sources', 'tenant'
  ]
  loop
    execute format('drop trigger if exists %I on %I', target || '_updated_at', target);
    execute format('alter table %I drop column if exists updated_at', target);
  end loop;

  foreach target in array array['accounts', 'contacts', 'leads', 'opportunities', 'activities']
  loop
    execute format('alter table %I drop column if exists owner_id, drop column if exists deleted_at', target);
  end loop;
end
$$;

alter table users
  drop column if exists status;
alter table employees
  drop column if exists status;

drop function if exists update_updated_at();
