import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table that autovacuum passes over',
  manual: '10.2',
  foundBy: 'diagnose autovacuum-off',
  plant: 'alter table leads set (autovacuum_enabled = false, toast.autovacuum_enabled = false)',
  evidence: `
    select relname as object
    from pg_class
    where relnamespace = 'public'::regnamespace and 'autovacuum_enabled=false' = any (reloptions)
    order by 1`,
};
