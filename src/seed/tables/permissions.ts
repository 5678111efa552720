import type { SeedTable } from '../table.ts';

const RULES = ['admin', 'manager', 'employee'].flatMap((role) =>
  ['contacts', 'leads', 'opportunities', 'documents'].flatMap((resource) =>
    ['read', 'delete'].map((action) => ({ role, resource, action })),
  ),
);

export const table: SeedTable = {
  rows: () => RULES.length,
  shared: 8,
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    ...RULES[at.n]!,
    is_allowed: RULES[at.n]!.role === 'admin' || RULES[at.n]!.action === 'read',
    metadata: {},
    ...at.stamps(),
  }),
};
