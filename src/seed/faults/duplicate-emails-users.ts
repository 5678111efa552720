import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'users with the same e-mail address but for the case',
  manual: '7.5 DIAGNOSTIC_check_users',
  foundBy: 'diagnose duplicate-email',
  inRows: true,
  plant: `
    drop index if exists users_email_unique;
    alter table users disable trigger user;
    insert into users (id, tenant_id, email, first_name, last_name)
    select md5('twin ' || id)::uuid, tenant_id, upper(email), first_name, last_name
    from (select * from users where tenant_id is not null order by id limit 2) u
    on conflict do nothing;
    alter table users enable trigger user`,
  evidence: `
    select format('users %s', lower(email)) as object
    from users
    group by lower(email)
    having count(*) > 1
    order by 1`,
};
