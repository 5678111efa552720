-- ============================================
-- Migration: 012_extend_activities_fields.sql
-- Description: Give activities a priority, a status, a due date and an assignee
-- Date: 2025-03-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 011_enable_rls.sql
-- Rollback: ROLLBACK_012_extend_activities_fields.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - activities: priority, status, due_date, assigned_to
--
-- Indexes Added:
-- - idx_activities_status
-- - idx_activities_due_date

alter table activities
  add column if not exists priority varchar(50) default 'normal',
  add column if not exists status varchar(50) default 'pending',
  add column if not exists due_date timestamptz,
  add column if not exists assigned_to uuid
    constraint activities_assigned_to_fkey references employees (id) on delete set null;

create index if not exists idx_activities_status on activities (status);
create index if not exists idx_activities_due_date on activities (due_date);

do $$
begin
  perform apply_tenant_checks();
end
$$;
