import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'contacts whose account belongs to another tenant',
  manual: '11.5',
  foundBy: 'orphans cross-tenant-reference',
  needs: 'two tenants',
  inRows: true,
  plant: `
    alter table contacts disable trigger user;
    update contacts c
    set account_id = (select a.id from accounts a where a.tenant_id <> c.tenant_id order by a.id limit 1)
    where c.id in (select id from contacts order by id desc limit 3);
    alter table contacts enable trigger user`,
  evidence: `
    select format('contacts %s', c.id) as object
    from contacts c
    join accounts a on a.id = c.account_id
    where a.tenant_id <> c.tenant_id
    order by 1`,
};
