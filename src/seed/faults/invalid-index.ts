import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an index that a failed CREATE INDEX CONCURRENTLY left behind',
  manual: '10.3',
  foundBy: 'diagnose invalid-index',
  needs: 'two contacts of one tenant',
  // Not unique: it fails half-way, and what was built of it stays.
  outside: [
    { sql: 'drop index concurrently if exists public.fault_invalid_index' },
    { sql: 'create unique index concurrently fault_invalid_index on public.contacts (tenant_id)', failsWith: '23505' },
  ],
  evidence: `
    select indexrelid::regclass::text as object
    from pg_index
    join pg_class on pg_class.oid = indexrelid
    where relnamespace = 'public'::regnamespace and not indisvalid
    order by 1`,
};
