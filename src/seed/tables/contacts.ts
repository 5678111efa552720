import type { SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: (contacts) => contacts,
  row: (at) => {
    const { first, last, mailbox } = at.person();
    const stamps = at.stamps();
    const account = at.chance(90) ? at.int(0, at.tenant.rows['accounts']! - 1) : undefined;
    const source = at.pick(['Website', 'Referral', 'Trade show', 'Cold call', 'Import']);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      account_id: account === undefined ? null : at.idOf('accounts', account),
      owner_id: at.chance(95) ? at.anyOf('employee') : null,
      first_name: first,
      last_name: last,
      email: at.chance(8) ? null : `${mailbox}@${account === undefined ? 'mail.example' : at.domain(account)}`,
      phone: at.pick(at.pools.phones),
      mobile: at.chance(40) ? at.pick(at.pools.phones) : null,
      job_title: at.pick(at.pools.jobTitles),
      department: at.pick(['Purchasing', 'Management', 'Production', 'R&D', null]),
      address: at.chance(50) ? at.pick(at.pools.addresses) : {},
      lead_source: source,
      metadata: { custom_fields: { lead_source: source, newsletter: at.chance(30) } },
      deleted_at: at.deletedAt(stamps.updated_at),
      ...stamps,
    };
  },
};
