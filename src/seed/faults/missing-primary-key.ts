import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table without a primary key',
  manual: 'appendix A',
  foundBy: 'diagnose missing-primary-key',
  plant: `
    create table if not exists "fault 'Unkeyed' table" (tenant_id uuid not null references tenant (id) on delete cascade, note text);
    create index if not exists fault_unkeyed_tenant on "fault 'Unkeyed' table" (tenant_id);
    select apply_tenant_rls('"fault ''Unkeyed'' table"')`,
  evidence: `
    select c.relname as object
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')
    order by 1`,
};
