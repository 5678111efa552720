import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a function that looks names up where its caller says',
  manual: '7.2 (024), 12.4',
  foundBy: 'diagnose function-search-path',
  plant: `
    create or replace function fault_tenants() returns bigint language sql stable
    as $$ select count(*) from tenant $$`,
  evidence: `
    select p.oid::regprocedure::text as object
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and not p.prosecdef
      and coalesce(p.proconfig::text, '') not like '%search_path=%'
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    order by 1`,
};
