import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an audit trigger that fires on replicas only: deleted contacts are not in the audit log',
  manual: '12.4',
  foundBy: 'diagnose audit-trigger',
  plant: 'alter table contacts enable replica trigger contacts_audit_delete',
  evidence: `
    select format('%s on %s', tgname, tgrelid::regclass) as object
    from pg_trigger
    where tgenabled = 'R' and not tgisinternal
    order by 1`,
};
