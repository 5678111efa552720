import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(20),
  row: (at) => {
    const stamps = at.stamps();
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      account_id: at.chance(80) ? at.anyOf('accounts') : null,
      transaction_type: at.pick(['income', 'income', 'expense']),
      amount: at.int(100, 9_000_000) / 100,
      category: at.pick(['subscription', 'services', 'travel', 'rent', 'refund']),
      description: at.pick(at.pools.phrases),
      transaction_date: stamps.created_at,
      metadata: { invoice: `INV-${String(at.n + 1).padStart(6, '0')}` },
      ...stamps,
    };
  },
};
