import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table whose owner no policy binds',
  manual: '7.5 (999)',
  foundBy: 'rls-check rls-not-forced',
  outside: [{ sql: 'alter table public.notes no force row level security' }],
  evidence: `
    select relname as object
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity and not relforcerowsecurity
    order by 1`,
};
