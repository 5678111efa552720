-- Title: Campaigns use an active integration of their own tenant
-- Category: campaigns
-- Thresholds:
-- - info: is_foreign = 0 and is_live = 0
-- - warning: is_foreign = 0 and is_live = 1
-- - critical: is_foreign = 1
-- Needs:
-- - table public.ai_campaigns (id, name, status, tenant_id, metadata)
-- - table public.tenant_integrations (id, tenant_id, is_active)
-- Message: {object} ({status}) refers by {reference} to {integration}, which {problem}
-- Remediation: Choose an active integration of tenant {tenant} for it, or pause it.
-- Why: The sending profile of an e-mail campaign and the provider of a call campaign have to belong to the tenant of the
--   campaign. One of another tenant sends in the name, and at the cost, of somebody else.
-- Manual: A

with referring as (
  select
    c.id,
    c.name,
    c.status,
    c.tenant_id::text as tenant,
    r.reference,
    r.integration
  from public.ai_campaigns c
  cross join lateral (
    values
      ('ai_call_integration_id', c.metadata ->> 'ai_call_integration_id', 'call'),
      ('ai_email_config.sending_profile_id', c.metadata -> 'ai_email_config' ->> 'sending_profile_id', 'email')
  ) r(reference, integration, type)
  where coalesce(r.integration, '') <> ''
    -- What is over is only told where another tenant was used.
    and (coalesce(c.metadata ->> 'campaign_type', 'call') in (r.type, 'sequence'))
)
select
  format('campaign %s (%s)', r.id, r.name) as object,
  format('campaign %s %s', r.id, r.reference) as key,
  r.status,
  r.reference,
  r.integration,
  r.tenant,
  case
    when i.id is null then 'does not exist'
    when i.tenant_id::text is distinct from r.tenant then 'belongs to another tenant'
    else 'is not active'
  end as problem,
  case when i.id is not null and i.tenant_id::text is distinct from r.tenant then 1 else 0 end as is_foreign,
  case when r.status in ('scheduled', 'running', 'paused') then 1 else 0 end as is_live
from referring r
left join public.tenant_integrations i on i.id::text = lower(r.integration)
where (i.id is null or i.tenant_id::text is distinct from r.tenant or not coalesce(i.is_active, false))
  and (
    r.status not in ('completed', 'cancelled')
    or i.id is not null and i.tenant_id::text is distinct from r.tenant
  )
order by is_foreign desc, object, r.reference;
