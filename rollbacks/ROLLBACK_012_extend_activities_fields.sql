-- ============================================
-- Migration: ROLLBACK_012_extend_activities_fields.sql
-- Description: Remove priority, status, due date and assignee of activities
-- Date: 2025-03-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 012_extend_activities_fields.sql
-- ============================================

alter table activities
  drop column if exists priority,
  drop column if exists status,
  drop column if exists due_date,
  drop column if exists assigned_to;

do $$
begin
  perform apply_tenant_checks();
end
$$;
