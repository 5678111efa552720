import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a SECURITY DEFINER function that trusts the search_path of its caller',
  manual: '7.2 (024)',
  foundBy: 'rls-check definer-search-path',
  plant: `
    create or replace function fault_count_users() returns bigint language sql security definer
    as $$ select count(*) from users $$`,
  evidence: `
    select p.oid::regprocedure::text as object
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and coalesce(p.proconfig::text, '') not like '%search_path=%'
    order by 1`,
};
