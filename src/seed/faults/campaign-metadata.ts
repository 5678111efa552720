import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a scheduled e-mail campaign without its configuration and a call campaign without its integration',
  manual: 'appendix A',
  foundBy: 'diagnose campaign-metadata',
  inRows: true,
  plant: `
    update ai_campaigns set status = 'scheduled', metadata = metadata - 'ai_email_config'
    where id = (select id from ai_campaigns where metadata ->> 'campaign_type' = 'email' order by id desc limit 1);
    update ai_campaigns set status = 'scheduled', metadata = metadata - 'ai_call_integration_id'
    where id = (select id from ai_campaigns where metadata ->> 'campaign_type' = 'call' order by id desc limit 1)`,
  evidence: `
    select format('ai_campaigns %s', id) as object
    from ai_campaigns
    where metadata ->> 'campaign_type' = 'email' and metadata #>> '{ai_email_config,sending_profile_id}' is null
      or metadata ->> 'campaign_type' = 'call' and metadata ->> 'ai_call_integration_id' is null
    order by 1`,
};
