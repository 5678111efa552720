import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'employees of one tenant with the same e-mail address but for the case',
  manual: '7.5 DIAGNOSTIC_check_users',
  foundBy: 'diagnose duplicate-email',
  inRows: true,
  plant: `
    drop index if exists employee_email_unique;
    alter table employee disable trigger user;
    insert into employee (id, tenant_id, email, first_name, last_name)
    select md5('twin ' || id)::uuid, tenant_id, upper(email), first_name, last_name
    from (select * from employee order by id limit 2) e
    on conflict do nothing;
    alter table employee enable trigger user`,
  evidence: `
    select format('employee %s', lower(email)) as object
    from employee
    group by tenant_id, lower(email)
    having count(*) > 1
    order by 1`,
};
