import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a column of timestamps without a time zone',
  manual: '7.1 (001)',
  foundBy: 'diagnose timestamp-without-time-zone',
  plant: 'alter table bizdev_source add column if not exists fault_reviewed_at timestamp',
  evidence: `
    select format('%s.%s', c.relname, a.attname) as object
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and not a.attisdropped and a.atttypid = 'timestamp'::regtype
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    order by 1`,
};
