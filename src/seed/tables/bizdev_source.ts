import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(100, 2, 12),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    name: `${at.pick(at.pools.phrases)} ${at.n + 1}`,
    source_type: at.pick(['event', 'partner', 'advertisement', 'referral']),
    description: at.pick(at.pools.sentences),
    cost: at.int(0, 5_000_000) / 100,
    is_active: at.chance(80),
    metadata: {},
    ...at.stamps(),
  }),
};
