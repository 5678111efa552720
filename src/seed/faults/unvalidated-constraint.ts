import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a check that holds for new rows and was never tried on the old ones',
  manual: '11.3',
  foundBy: 'diagnose unvalidated-constraint',
  plant: `
    alter table leads drop constraint if exists fault_score;
    alter table leads add constraint fault_score check (score between 0 and 100) not valid`,
  evidence: `
    select conname as object
    from pg_constraint
    where connamespace = 'public'::regnamespace and not convalidated
    order by 1`,
};
