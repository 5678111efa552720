import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a policy that lets everybody through',
  manual: '12.4',
  foundBy: 'rls-check policy-always-true',
  plant: `
    drop policy if exists "fault: open to all" on api_key;
    create policy "fault: open to all" on api_key for all using (true) with check (true)`,
  evidence: `
    select format('%s on %s', polname, polrelid::regclass) as object
    from pg_policy
    where polpermissive and 'true' in (pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    order by 1`,
};
