-- ============================================
-- Migration: ROLLBACK_009_complete_schema.sql
-- Description: Drop the tables and the audit logging that 009 added, with all their rows
-- Date: 2025-02-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 009_complete_schema.sql
-- ============================================

do $$
declare
  target text;
begin
  perform set_config('client_min_messages', 'warning', true);
  foreach target in array array[
    'users', 'employees', 'tenant', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notes'
  ]
  loop
    execute format('drop trigger if exists %I on %I', target || '_audit_insert', target);
    execute format('drop trigger if exists %I on %I', target || '_audit_update', target);
    execute format('drop trigger if exists %I on %I', target || '_audit_delete', target);
  end loop;
end
$$;

drop function if exists log_audit_changes();

drop table if exists
  documents,
  workflow_execution,
  workflows,
  permissions,
  notes,
  cash_flow,
  daily_sales_metrics,
  cron_job,
  webhook,
  modulesettings,
  audit_log;
