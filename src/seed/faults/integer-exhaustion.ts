import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an integer key that a bigint sequence will soon run past',
  manual: 'appendix A',
  foundBy: 'diagnose sequence-exhaustion',
  plant: `
    create sequence if not exists fault_numbers;
    create table if not exists fault_orders (
      id integer primary key default nextval('fault_numbers'),
      tenant_id uuid not null references tenant (id) on delete cascade
    );
    alter sequence fault_numbers owned by fault_orders.id;
    create index if not exists fault_orders_tenant on fault_orders (tenant_id);
    select apply_tenant_rls('fault_orders');
    select setval('fault_numbers', 2100000000)`,
  evidence: `
    select format('%s.%s', a.attrelid::regclass, a.attname) as object
    from pg_attrdef d
    join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum and a.atttypid = 'integer'::regtype
    join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
    join pg_class s on s.oid = p.refobjid and s.relkind = 'S'
    join pg_sequences q on q.schemaname = 'public' and q.sequencename = s.relname
    where q.max_value > 2147483647 and q.last_value > 0.75 * 2147483647
    order by 1`,
};
