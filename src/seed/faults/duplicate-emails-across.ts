import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'users with the e-mail address of an employee',
  manual: '7.5 DIAGNOSTIC_check_users',
  foundBy: 'diagnose duplicate-email',
  inRows: true,
  plant: `
    alter table users disable trigger user;
    insert into users (id, tenant_id, email, first_name, last_name)
    select md5('both ' || id)::uuid, tenant_id, initcap(email), first_name, last_name
    from (select * from employee order by id desc limit 2) e
    on conflict do nothing;
    alter table users enable trigger user`,
  evidence: `
    select distinct format('users and employee %s', lower(u.email)) as object
    from users u
    join employee e on lower(e.email) = lower(u.email)
    order by 1`,
};
