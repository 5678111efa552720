import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a foreign key without an index that begins with its columns',
  manual: '10.3',
  foundBy: 'diagnose unindexed-foreign-key',
  plant: 'drop index if exists idx_opportunities_account_id',
  evidence: `
    select k.conname as object
    from pg_constraint k
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace
      and not exists (
        select from pg_index i
        where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
          and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
      )
    order by 1`,
};
