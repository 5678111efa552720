import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a trigger that is switched off: changes of accounts are not in the audit log',
  manual: '12.4',
  foundBy: 'diagnose disabled-trigger',
  plant: 'alter table accounts disable trigger accounts_audit_update',
  evidence: `
    select format('%s on %s', tgname, tgrelid::regclass) as object
    from pg_trigger
    where tgenabled = 'D' and not tgisinternal
    order by 1`,
};
