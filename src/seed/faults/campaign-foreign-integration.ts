import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'campaigns that use the sending profile or the call integration of another tenant',
  manual: 'appendix A',
  foundBy: 'diagnose campaign-integration',
  needs: 'two tenants',
  inRows: true,
  plant: `
    update ai_campaigns c
    set metadata = jsonb_set(c.metadata, '{ai_email_config,sending_profile_id}', to_jsonb((
      select i.id from tenant_integrations i
      where i.tenant_id <> c.tenant_id and i.is_active and i.integration_type = 'email_sending_profile'
      order by i.id limit 1
    )))
    where id = (select id from ai_campaigns where metadata ->> 'campaign_type' = 'email' order by id limit 1)
      and exists (select from tenant t where t.id <> c.tenant_id);
    update ai_campaigns c
    set metadata = jsonb_set(c.metadata, '{ai_call_integration_id}', to_jsonb((
      select i.id from tenant_integrations i
      where i.tenant_id <> c.tenant_id and i.is_active and i.integration_type = c.metadata ->> 'ai_provider'
      order by i.id limit 1
    )))
    where id = (select id from ai_campaigns where metadata ->> 'campaign_type' = 'call' order by id limit 1)
      and exists (select from tenant t where t.id <> c.tenant_id)`,
  evidence: `
    select format('ai_campaigns %s', c.id) as object
    from ai_campaigns c
    join tenant_integrations i
      on i.id::text in (c.metadata #>> '{ai_email_config,sending_profile_id}', c.metadata ->> 'ai_call_integration_id')
    where i.tenant_id <> c.tenant_id
    order by 1`,
};
