import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'activities about records that are gone: related_type and related_id have no key that could be checked',
  manual: '11.5',
  foundBy: 'orphans',
  inRows: true,
  plant: `
    alter table activities disable trigger user;
    update activities set related_id = md5('gone ' || id)::uuid
    where id in (select id from activities order by id limit 5);
    alter table activities enable trigger user`,
  evidence: `
    select format('activities %s', a.id) as object
    from activities a
    where a.related_id is not null and not case a.related_type
      when 'contact' then exists (select from contacts r where r.id = a.related_id)
      when 'account' then exists (select from accounts r where r.id = a.related_id)
      when 'lead' then exists (select from leads r where r.id = a.related_id)
      when 'opportunity' then exists (select from opportunities r where r.id = a.related_id)
    end
    order by 1`,
};
