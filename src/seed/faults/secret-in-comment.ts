import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a key of a cloud in a comment, which every role can read',
  manual: '12.4',
  foundBy: 'diagnose secret-in-catalog',
  // In two parts, so that nobody takes this file for a leak.
  plant: `
    do $$
    begin
      execute format('comment on column tenant_integrations.config is %L', 'test account: AKIA' || 'QWERTYUIOP123456');
    end
    $$`,
  evidence: `
    select format('%s.%s', c.oid::regclass, a.attname) as object
    from pg_description d
    join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
    where c.relnamespace = 'public'::regnamespace and d.description ~ 'AKIA[0-9A-Z]{16}'
    order by 1`,
};
