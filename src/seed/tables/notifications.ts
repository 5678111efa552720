import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(20),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    user_email: at.employeeEmail(at.int(0, at.tenant.rows['employee']! - 1)),
    title: at.pick(at.pools.phrases),
    message: at.pick(at.pools.sentences),
    type: at.pick(['info', 'info', 'success', 'warning', 'error']),
    is_read: at.chance(70),
    metadata: {},
    ...at.stamps(),
  }),
};
