-- ============================================
-- Migration: 041_calendar_view_metadata_fallback.sql
-- Description: Show calendar events whose dates are kept in metadata
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 040_moves_and_views.sql
-- Rollback: ROLLBACK_041_calendar_view_metadata_fallback.sql
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

-- Old events hold whatever the calendar wrote: one that cannot be read must not break the view.
create or replace function try_timestamptz(input text)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
begin
  return input::timestamptz;
exception
  when data_exception then
    return null;
end
$$;

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
  event.starts_at,
  coalesce(
    event.starts_at + make_interval(mins => a.duration_minutes),
    event.ends_at,
    event.starts_at
  ) as ends_at,
  coalesce(a.location, (a.metadata ->> 'location')::varchar(255)) as location,
  a.related_type,
  a.related_id,
  a.assigned_to,
  nullif(concat_ws(' ', e.first_name, e.last_name), '') as assigned_name
from activities a
left join employees e on a.assigned_to = e.id
cross join lateral (
  select
    coalesce(
      a.due_date,
      try_timestamptz(a.metadata ->> 'due_date'),
      try_timestamptz(a.metadata ->> 'start_date'),
      try_timestamptz(a.metadata ->> 'start')
    ) as starts_at,
    coalesce(
      try_timestamptz(a.metadata ->> 'end_date'),
      try_timestamptz(a.metadata ->> 'end')
    ) as ends_at
) event
where a.deleted_at is null
  and event.starts_at is not null;
