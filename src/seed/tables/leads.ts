import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(4),
  row: (at) => {
    // The first leads have become contacts, who keep their id (033_entity_lifecycle_with_id_preservation.sql).
    const isConverted = at.n < at.tenant.rows['entity_transitions']!;
    const origin = isConverted ? at.at('contacts', at.n) : at;
    const { first, last, mailbox } = origin.person();
    const stamps = at.stamps();
    const account = at.int(0, at.tenant.rows['accounts']! - 1);
    return {
      id: origin.id,
      tenant_id: at.tenant.id,
      first_name: first,
      last_name: last,
      email: at.chance(15) ? null : `${mailbox}@lead.${at.domain(account)}`,
      phone: at.pick(at.pools.phones),
      company: at.company(account),
      job_title: at.pick(at.pools.jobTitles),
      status: isConverted ? 'converted' : at.pick(['new', 'new', 'contacted', 'qualified', 'lost']),
      source: at.pick(['Website', 'Referral', 'Trade show', 'Cold call', 'Import']),
      score: at.int(0, 100),
      owner_id: at.anyOf('employee'),
      metadata: { campaign: at.pick(at.pools.words) },
      created_date: stamps.created_at,
      deleted_at: isConverted ? null : at.deletedAt(stamps.updated_at),
      ...stamps,
    };
  },
};
