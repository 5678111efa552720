import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a campaign with a status that there is not',
  manual: 'appendix A',
  foundBy: 'diagnose campaign-status',
  inRows: true,
  plant: `
    alter table ai_campaigns drop constraint if exists ai_campaigns_status_check;
    update ai_campaigns set status = 'archived' 
    where id = (select id from ai_campaigns where metadata ->> 'campaign_type' = 'sequence' order by id limit 1);
    alter table ai_campaigns
      add constraint ai_campaigns_status_check
      check (status in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')) not valid`,
  evidence: `
    select format('ai_campaigns %s', id) as object
    from ai_campaigns
    where status not in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')
    order by 1`,
};
