-- Title: A session is archived once
-- Category: archive
-- Severity: warning
-- Needs:
-- - table public.agent_sessions_archive (id, tenant_id, user_id, session_id, created_at)
-- Metric: copies:count
-- Message: {object} is archived {copies} times
-- Remediation: {fix}
-- Why: Whoever counts archived sessions for an audit counts it more than once. The earliest is kept, as migration 076
--   does, whose unique constraint forbids more.
-- Manual: 7.4

with sessions as (
  select tenant_id::text as tenant, user_id, session_id, count(*) as copies
  from public.agent_sessions_archive
  group by tenant_id, user_id, session_id
  having count(*) > 1
)
select
  format('session %s of user %s, tenant %s', session_id, user_id, tenant) as object,
  copies,
  format(
    'delete from public.agent_sessions_archive a using (select ctid, row_number() over (order by created_at, id)'
      ' as place from public.agent_sessions_archive where tenant_id::text = %1$L and user_id = %2$L and session_id = %3$L)'
      ' copy where a.ctid = copy.ctid and copy.place > 1;',
    tenant,
    user_id,
    session_id
  ) as fix
from sessions
order by copies desc, object
limit 1000;
