import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'archived events of an agent whose session was never archived',
  manual: '7.4 (076)',
  foundBy: 'diagnose unarchived-session-events',
  inRows: true,
  plant: `
    insert into agent_events_archive (tenant_id, user_id, session_id, event_id)
    select t.id, 'fault', 'fault ''"%', 'fault ' || n
    from (select id from tenant order by id limit 1) t, generate_series(1, 3) n
    on conflict do nothing`,
  evidence: `
    select distinct format('session %s of user %s', e.session_id, e.user_id) as object
    from agent_events_archive e
    where not exists (
      select
      from agent_sessions_archive s
      where s.tenant_id = e.tenant_id and s.user_id = e.user_id and s.session_id = e.session_id
    )
    order by 1`,
};
