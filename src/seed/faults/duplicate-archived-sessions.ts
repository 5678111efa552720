import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'agent sessions that were archived twice',
  manual: '7.4 (076)',
  foundBy: 'diagnose duplicate-archived-session',
  inRows: true,
  plant: `
    alter table agent_sessions_archive drop constraint if exists agent_sessions_archive_unique;
    insert into agent_sessions_archive (id, tenant_id, user_id, session_id, payload, created_at, archived_at)
    select md5('again ' || id)::uuid, tenant_id, user_id, session_id, payload, created_at, archived_at + interval '1 hour'
    from (select * from agent_sessions_archive order by id limit 3) s
    on conflict do nothing`,
  evidence: `
    select format('agent_sessions_archive %s %s', user_id, session_id) as object
    from agent_sessions_archive
    group by tenant_id, user_id, session_id
    having count(*) > 1
    order by 1`,
};
