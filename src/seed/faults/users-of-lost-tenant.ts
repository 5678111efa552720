import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a user whose tenant is gone',
  manual: '7.5 DIAGNOSTIC_check_users',
  foundBy: 'diagnose lost-account',
  inRows: true,
  plant: `
    alter table users drop constraint if exists fk_users_tenant;
    insert into users (id, tenant_id, email, first_name, last_name)
    values (md5('lost user')::uuid, md5('lost tenant')::uuid, 'left.behind@gone.example', 'Left', '</script>Behind')
    on conflict do nothing;
    alter table users
      add constraint fk_users_tenant foreign key (tenant_id) references tenant (id) on delete cascade not valid`,
  evidence: `
    select format('users %s', u.email) as object
    from users u
    where u.tenant_id is not null and not exists (select from tenant t where t.id = u.tenant_id)
    order by 1`,
};
