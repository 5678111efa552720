import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'scheduled campaigns that use a sending profile or a call integration which is not active',
  manual: 'appendix A',
  foundBy: 'diagnose campaign-integration',
  inRows: true,
  plant: `
    update ai_campaigns set status = 'scheduled'
    where id in (
      (select id from ai_campaigns where metadata ? 'ai_email_config' order by id desc limit 1),
      (select id from ai_campaigns where metadata ? 'ai_call_integration_id' order by id desc limit 1)
    );
    update tenant_integrations set is_active = false
    where id::text in (
      (select metadata #>> '{ai_email_config,sending_profile_id}' from ai_campaigns
       where metadata ? 'ai_email_config' order by id desc limit 1),
      (select metadata ->> 'ai_call_integration_id' from ai_campaigns
       where metadata ? 'ai_call_integration_id' order by id desc limit 1)
    )`,
  evidence: `
    select distinct format('ai_campaigns %s', c.id) as object
    from ai_campaigns c
    join tenant_integrations i
      on i.id::text in (c.metadata #>> '{ai_email_config,sending_profile_id}', c.metadata ->> 'ai_call_integration_id')
    where not i.is_active
    order by 1`,
};
