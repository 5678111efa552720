import type { SeedTable } from '../table.ts';

const MODULES = ['contacts', 'leads', 'opportunities', 'activities', 'campaigns', 'cash_flow', 'documents', 'reports'];

export const table: SeedTable = {
  rows: () => MODULES.length,
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    module_name: MODULES[at.n]!,
    is_enabled: at.chance(90),
    settings: { page_size: at.pick([25, 50, 100]) },
    metadata: {},
    ...at.stamps(),
  }),
};
