-- ============================================
-- Migration: ROLLBACK_041_calendar_view_metadata_fallback.sql
-- Description: Show only events with a due date in the calendar again
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 041_calendar_view_metadata_fallback.sql
-- ============================================

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

drop function if exists try_timestamptz(text);
