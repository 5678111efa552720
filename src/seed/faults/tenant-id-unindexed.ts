import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table without an index that begins with tenant_id, which every policy asks for',
  manual: '7.3 (025)',
  foundBy: 'diagnose unindexed-tenant-column',
  plant: 'drop index if exists idx_webhook_tenant_id',
  evidence: `
    select c.relname as object
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and not exists (
        select from pg_index i
        where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
      )
    order by 1`,
};
