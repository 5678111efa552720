import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table whose tenant_id is text',
  manual: '7.4 (052)',
  foundBy: 'diagnose tenant-column-type',
  plant: `
    create table if not exists fault_preferences (id uuid primary key, tenant_id text not null, value jsonb);
    create index if not exists fault_preferences_tenant on fault_preferences (tenant_id);
    select apply_tenant_rls('fault_preferences')`,
  evidence: `
    select c.relname as object
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid <> 'uuid'::regtype
    order by 1`,
};
