import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an index whose columns are the first ones of another index',
  manual: '10.3',
  foundBy: 'diagnose redundant-index',
  plant: 'create index if not exists fault_wider_index on leads (tenant_id, created_at)',
  evidence: `
    select format('%s within %s', i.indexrelid::regclass, w.indexrelid::regclass) as object
    from pg_index i
    join pg_class c on c.oid = i.indexrelid and c.relnamespace = 'public'::regnamespace
    join pg_index w on w.indrelid = i.indrelid and w.indexrelid <> i.indexrelid and w.indnkeyatts > i.indnkeyatts
    where not i.indisunique and i.indpred is null and w.indpred is null and i.indexprs is null
      and (w.indkey::int2[])[0:i.indnkeyatts - 1] = (i.indkey::int2[])[0:i.indnkeyatts - 1]
    order by 1`,
};
