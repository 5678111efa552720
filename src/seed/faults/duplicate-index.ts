import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'two indexes that are the same but for their names',
  manual: '10.3',
  foundBy: 'diagnose duplicate-index',
  plant: 'create index if not exists fault_duplicate_index on contacts (email)',
  evidence: `
    select string_agg(indexrelid::regclass::text, ', ' order by indexrelid::regclass::text) as object
    from pg_index
    join pg_class on pg_class.oid = indexrelid
    where relnamespace = 'public'::regnamespace
    group by indrelid, relam, indkey::text, indclass::text, indcollation::text, indoption::text,
      pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid)
    having count(*) > 1
    order by 1`,
};
