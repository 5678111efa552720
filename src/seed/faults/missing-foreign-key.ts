import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a column that is named like a foreign key and is none',
  manual: '7.3 (032)',
  foundBy: 'diagnose undeclared-reference',
  plant: 'alter table workflow_execution drop constraint if exists workflow_execution_workflow_id_fkey',
  evidence: `
    select format('%s.%s', c.relname, a.attname) as object
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname like '%\\_id' and not a.attisdropped
    join pg_class p
      on p.relnamespace = c.relnamespace and p.relkind = 'r'
      and p.relname in (left(a.attname, -3), left(a.attname, -3) || 's')
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'uuid'::regtype
      and not exists (
        select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum]
      )
    order by 1`,
};
