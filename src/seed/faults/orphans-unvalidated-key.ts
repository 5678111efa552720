import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'contacts of accounts that are gone, behind a foreign key that was never validated',
  manual: '11.5',
  foundBy: 'orphans',
  inRows: true,
  plant: `
    alter table contacts disable trigger user;
    alter table contacts drop constraint if exists contacts_account_id_fkey;
    update contacts set account_id = md5('gone ' || id)::uuid
    where id in (select id from contacts order by id limit 5);
    alter table contacts
      add constraint contacts_account_id_fkey foreign key (account_id) references accounts (id)
      on delete set null not valid;
    alter table contacts enable trigger user`,
  evidence: `
    select format('contacts %s', c.id) as object
    from contacts c
    where c.account_id is not null and not exists (select from accounts a where a.id = c.account_id)
    order by 1`,
};
