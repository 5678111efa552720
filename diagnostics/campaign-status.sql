-- Title: Campaigns have a known status and type
-- Category: campaigns
-- Severity: warning
-- Needs:
-- - table public.ai_campaigns (id, name, status, metadata)
-- Message: {object} has {problem}
-- Remediation: {fix}
-- Why: A status is draft, scheduled, running, paused, completed or cancelled; a type call, email or sequence (call when
--   there is none). What is neither is started by nobody and shown nowhere.
-- Manual: A

select
  format('campaign %s (%s)', c.id, c.name) as object,
  format('campaign %s %s', c.id, p.key) as key,
  p.problem,
  p.fix
from public.ai_campaigns c
cross join lateral (
  values
    (
      'status',
      format('the status %L', c.status),
      format('update public.ai_campaigns set status = ''draft'' where id = %L;', c.id),
      c.status is null or c.status not in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')
    ),
    (
      'type',
      format('the campaign_type %L', c.metadata ->> 'campaign_type'),
      format('Set its campaign_type: update public.ai_campaigns set metadata = ... where id = %L;', c.id),
      coalesce(c.metadata ->> 'campaign_type', 'call') not in ('call', 'email', 'sequence')
    )
) p(key, problem, fix, is_wrong)
where p.is_wrong
order by object, p.key;
