import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(10),
  shared: 20,
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    level: at.pick(['debug', 'info', 'info', 'info', 'warning', 'error']),
    message: at.pick(at.pools.sentences),
    source: at.pick(['api', 'worker', 'scheduler', 'webhook']),
    metadata: { request_id: at.idOf('performance_logs', at.n) },
    created_at: at.stamps().created_at,
  }),
};
