import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a view that everybody may read, and that reads with the rights of its owner, past the policies of others',
  manual: '7.4 (040)',
  foundBy: 'rls-check view-bypasses-rls',
  plant: `
    create or replace view fault_all_contacts as select id, tenant_id, email from contacts;
    grant select on fault_all_contacts to public`,
  evidence: `
    select relname as object
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'v'
      and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    order by 1`,
};
