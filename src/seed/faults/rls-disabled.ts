import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table without row-level security: switched off "to test" and forgotten',
  manual: '11.4',
  foundBy: 'rls-check rls-not-enabled',
  plant: 'alter table documents disable row level security',
  evidence: `
    select relname as object
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and not relrowsecurity
    order by 1`,
};
