import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(8),
  row: (at) => {
    const stamps = at.stamps();
    const domain = at.domain(at.n);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      name: at.company(at.n),
      type: at.pick(['customer', 'customer', 'prospect', 'partner', 'vendor']),
      industry: at.pick(at.pools.industries),
      website: `https://${domain}`,
      email: `info@${domain}`,
      phone: at.pick(at.pools.phones),
      revenue: at.int(50, 90_000) * 1_000,
      employee_count: at.int(1, 5_000),
      address: at.pick(at.pools.addresses),
      owner_id: at.anyOf('employee'),
      metadata: { custom_fields: { customer_tier: at.pick(['Gold', 'Silver', 'Bronze']) } },
      deleted_at: at.deletedAt(stamps.updated_at),
      ...stamps,
    };
  },
};
