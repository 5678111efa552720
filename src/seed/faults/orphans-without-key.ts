import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'opportunities of contacts that are gone, and no foreign key at all',
  manual: '11.5',
  foundBy: 'orphans',
  inRows: true,
  plant: `
    alter table opportunities disable trigger user;
    alter table opportunities drop constraint if exists opportunities_contact_id_fkey;
    update opportunities set contact_id = md5('gone ' || id)::uuid
    where id in (select id from opportunities order by id limit 5);
    alter table opportunities enable trigger user`,
  evidence: `
    select format('opportunities %s', o.id) as object
    from opportunities o
    where o.contact_id is not null and not exists (select from contacts c where c.id = o.contact_id)
    order by 1`,
};
