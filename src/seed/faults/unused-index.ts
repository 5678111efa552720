import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an index that no query has used',
  manual: '10.1',
  foundBy: 'diagnose unused-index',
  plant: 'create index if not exists fault_unused_index on contacts (department, mobile)',
  // A new database has used none of its indexes: what counts is that this one is there to no purpose.
  evidence: `
    select s.indexrelname as object
    from pg_stat_user_indexes s
    join pg_index i using (indexrelid)
    where s.schemaname = 'public' and s.idx_scan = 0 and not i.indisunique and s.indexrelname like 'fault\\_%'
    order by 1`,
};
