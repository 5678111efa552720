import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(50),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    user_email: at.employeeEmail(at.int(0, at.tenant.rows['employee']! - 1)),
    title: at.pick(at.pools.phrases),
    topic: at.pick(['pipeline', 'follow-up', 'reporting', 'support']),
    status: at.pick(['active', 'active', 'archived']),
    metadata: { model: at.pick(['small', 'large']) },
    ...at.stamps(),
  }),
};
