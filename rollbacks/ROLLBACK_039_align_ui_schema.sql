-- ============================================
-- Migration: ROLLBACK_039_align_ui_schema.sql
-- Description: Return to the columns and defaults before 039
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 039_align_ui_schema.sql
-- ============================================

alter table activities
  drop column if exists completed_at,
  drop column if exists duration_minutes,
  drop column if exists location;

do $$
begin
  if exists (
    select from pg_attribute
    where attrelid = 'activities'::regclass and attname = 'description' and not attisdropped
  ) then
    alter table activities
      rename column description to body;
  end if;
end
$$;

alter table employees
  drop column if exists phone,
  drop column if exists department;

alter table opportunities
  drop column if exists type,
  drop column if exists description,
  drop column if exists next_step,
  drop column if exists lead_source,
  alter column probability set default 0;

alter table leads
  drop column if exists source,
  drop column if exists score;

alter table contacts
  drop column if exists job_title,
  drop column if exists department,
  drop column if exists mobile,
  drop column if exists address,
  drop column if exists lead_source;

alter table accounts
  drop column if exists type,
  drop column if exists phone,
  drop column if exists email,
  drop column if exists employee_count,
  drop column if exists address;
