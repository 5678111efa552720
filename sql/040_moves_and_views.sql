-- ============================================
-- Migration: 040_moves_and_views.sql
-- Description: Create views for common queries
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 012_extend_activities_fields.sql, 039_align_ui_schema.sql
-- Rollback: ROLLBACK_040_moves_and_views.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - None

-- security_invoker: a view reads with the rights, and under the policies, of whoever queries it.
-- Without it, a view is a way around RLS.

create or replace view v_contact_full
with (security_invoker = true)
as
select
  c.*,
  a.name as account_name,
  a.industry as account_industry,
  nullif(concat_ws(' ', e.first_name, e.last_name), '') as owner_name
from contacts c
left join accounts a on c.account_id = a.id
left join employees e on c.owner_id = e.id;

create or replace view v_opportunity_pipeline
with (security_invoker = true)
as
select
  tenant_id,
  stage,
  count(*) as opportunity_count,
  sum(amount) as total_value,
  avg(amount) as avg_value,
  avg(probability) as avg_probability,
  sum(amount * probability / 100.0) as weighted_value
from opportunities
where deleted_at is null
group by tenant_id, stage;

create or replace view v_activity_calendar
with (security_invoker = true)
as
select
  a.id,
  a.tenant_id,
  a.type,
  a.subject,
  a.description,
  a.status,
  a.priority,
  a.due_date as starts_at,
  a.due_date + make_interval(mins => coalesce(a.duration_minutes, 0)) as ends_at,
  a.location,
  a.related_type,
  a.related_id,
  a.assigned_to,
  nullif(concat_ws(' ', e.first_name, e.last_name), '') as assigned_name
from activities a
left join employees e on a.assigned_to = e.id
where a.deleted_at is null
  and a.due_date is not null;
