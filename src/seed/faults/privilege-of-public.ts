import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table that every role may read and write, those included that are made later',
  manual: '12.4',
  foundBy: 'diagnose public-privilege',
  plant: 'grant select, insert on notes to public',
  evidence: `
    select distinct c.oid::regclass::text as object
    from pg_class c, aclexplode(c.relacl) a
    where c.relnamespace = 'public'::regnamespace and a.grantee = 0
    order by 1`,
};
