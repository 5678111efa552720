import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table without tenant_id that holds rows of tenants',
  manual: '7.4 (052)',
  foundBy: 'diagnose missing-tenant-column',
  plant: `
    create table if not exists fault_contact_tags (
      contact_email text,
      tag text,
      primary key (contact_email, tag)
    );
    select apply_tenant_rls('fault_contact_tags')`,
  evidence: `
    select c.relname as object
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname not in ('tenant', 'audit_log')
      and not exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
      )
    order by 1`,
};
