-- Title: Archived events belong to an archived session
-- Category: archive
-- Severity: info
-- Needs:
-- - table public.agent_events_archive (tenant_id, user_id, session_id)
-- - table public.agent_sessions_archive (tenant_id, user_id, session_id)
-- Metric: events:count
-- Message: {events:count} archived events belong to {object}, which is not archived
-- Remediation: Archive the session as well, or delete its events from public.agent_events_archive.
-- Why: Events without their session cannot be read in their context; the archiving was cut off between the two.
-- Manual: 7.4

select
  format('session %s of user %s, tenant %s', e.session_id, e.user_id, e.tenant_id) as object,
  count(*) as events
from public.agent_events_archive e
where not exists (
  select
  from public.agent_sessions_archive s
  where s.tenant_id = e.tenant_id and s.user_id = e.user_id and s.session_id = e.session_id
)
group by e.tenant_id, e.user_id, e.session_id
order by events desc, object
limit 1000;
