-- Title: Campaigns say what they need to run
-- Category: campaigns
-- Thresholds:
-- - info: is_live = 0
-- - warning: is_live = 1
-- Needs:
-- - table public.ai_campaigns (id, name, status, metadata, target_contacts)
-- Message: {object} ({status}, {type}) lacks {missing}
-- Remediation: Fill in {missing} in its metadata, or set it back to draft.
-- Why: A campaign of calls needs ai_call_integration_id, one of e-mails ai_email_config with sending_profile_id, subject
--   and body_template; each recipient needs a phone, or an e-mail address. Drafts are not complete yet and not reported,
--   completed and cancelled ones no longer run.
-- Manual: A

with campaigns as (
  select
    c.id,
    c.name,
    c.status,
    c.metadata,
    coalesce(c.metadata ->> 'campaign_type', 'call') as type,
    case when jsonb_typeof(c.target_contacts) = 'array' then c.target_contacts else '[]' end as contacts
  from public.ai_campaigns c
  where c.status not in ('draft', 'completed', 'cancelled')
),
lacking as (
  select
    c.*,
    array_remove(
      array[
        case when c.type = 'call' and coalesce(c.metadata ->> 'ai_call_integration_id', '') = ''
          then 'ai_call_integration_id' end,
        case when c.type = 'email' and coalesce(c.metadata -> 'ai_email_config' ->> 'sending_profile_id', '') = ''
          then 'ai_email_config.sending_profile_id' end,
        case when c.type = 'email' and coalesce(c.metadata -> 'ai_email_config' ->> 'subject', '') = ''
          then 'ai_email_config.subject' end,
        case when c.type = 'email' and coalesce(c.metadata -> 'ai_email_config' ->> 'body_template', '') = ''
          then 'ai_email_config.body_template' end,
        (
          select format(
            '%s of %s recipients',
            case c.type when 'call' then 'a phone' else 'an e-mail address' end || ' of ' || count(*),
            jsonb_array_length(c.contacts)
          )
          from jsonb_array_elements(c.contacts) contact
          where c.type in ('call', 'email')
            and coalesce(contact ->> case c.type when 'call' then 'phone' else 'email' end, '') = ''
          having count(*) > 0
        )
      ],
      null
    ) as missing
  from campaigns c
)
select
  format('campaign %s (%s)', id, name) as object,
  'campaign ' || id as key,
  status,
  type,
  array_to_string(missing, ', ') as missing,
  case when status in ('scheduled', 'running') then 1 else 0 end as is_live
from lacking
where cardinality(missing) > 0
order by is_live desc, object;
