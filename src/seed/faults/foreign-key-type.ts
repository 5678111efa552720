import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an integer that refers to a bigint: it ends at two thousand million, and its parent does not',
  manual: '10.3',
  foundBy: 'diagnose foreign-key-type',
  plant: `
    create table if not exists fault_import (
      id bigint generated always as identity primary key,
      tenant_id uuid not null references tenant on delete cascade
    );
    create table if not exists fault_import_line (
      import_id integer not null references fault_import on delete cascade,
      line integer not null,
      tenant_id uuid not null references tenant on delete cascade,
      primary key (import_id, line)
    )`,
  evidence: `
    select format('%s.%s', k.conrelid::regclass, k.conname) as object
    from pg_constraint k
    join pg_attribute own on own.attrelid = k.conrelid and own.attnum = k.conkey[1]
    join pg_attribute parent on parent.attrelid = k.confrelid and parent.attnum = k.confkey[1]
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace and own.atttypid <> parent.atttypid
    order by 1`,
};
