import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a table with row-level security and no policy: nobody sees a row',
  manual: '11.1',
  foundBy: 'rls-check no-policy',
  plant: `
    do $$
    declare
      policy text;
    begin
      for policy in select polname from pg_policy where polrelid = 'public.modulesettings'::regclass loop
        execute format('drop policy %I on public.modulesettings', policy);
      end loop;
    end
    $$`,
  evidence: `
    select c.relname as object
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relrowsecurity
      and not exists (select from pg_policy p where p.polrelid = c.oid)
    order by 1`,
};
