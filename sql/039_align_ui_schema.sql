-- ============================================
-- Migration: 039_align_ui_schema.sql
-- Description: Match the columns and defaults the user interface expects
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 012_extend_activities_fields.sql
-- Rollback: ROLLBACK_039_align_ui_schema.sql
-- ============================================
--
-- Breaking Changes:
-- - Queries name activities.description in place of body
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - accounts: type, phone, email, employee_count, address
-- - contacts: job_title, department, mobile, address, lead_source
-- - leads: source, score
-- - opportunities: type, description, next_step, lead_source; default of probability
-- - activities: body is now description; completed_at, duration_minutes, location
-- - employees: phone, department
--
-- Indexes Added:
-- - None

alter table accounts
  add column if not exists type varchar(50),
  add column if not exists phone varchar(50),
  add column if not exists email varchar(255),
  add column if not exists employee_count integer,
  add column if not exists address jsonb default '{}';

alter table contacts
  add column if not exists job_title varchar(255),
  add column if not exists department varchar(255),
  add column if not exists mobile varchar(50),
  add column if not exists address jsonb default '{}',
  add column if not exists lead_source varchar(255);

alter table leads
  add column if not exists source varchar(255),
  add column if not exists score integer default 0;

alter table opportunities
  add column if not exists type varchar(50),
  add column if not exists description text,
  add column if not exists next_step varchar(255),
  add column if not exists lead_source varchar(255),
  alter column probability set default 10;

alter table employees
  add column if not exists phone varchar(50),
  add column if not exists department varchar(255);

do $$
begin
  if exists (
    select from pg_attribute
    where attrelid = 'activities'::regclass and attname = 'body' and not attisdropped
  ) then
    alter table activities
      rename column body to description;
  end if;
end
$$;

alter table activities
  add column if not exists completed_at timestamptz,
  add column if not exists duration_minutes integer,
  add column if not exists location varchar(255);
