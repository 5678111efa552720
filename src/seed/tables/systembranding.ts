import type { SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: () => 1,
  shared: 1,
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    company_name: at.tenant.id === null ? 'Aisha CRM' : at.company(1),
    logo_url: `https://cdn.example/${at.id}.svg`,
    primary_color: at.pick(['#0f766e', '#1d4ed8', '#b91c1c']),
    secondary_color: at.pick(['#f5f5f4', '#111827']),
    custom_domain: at.tenant.id === null ? null : `crm.${at.slug}.example`,
    metadata: {},
    ...at.stamps(),
  }),
};
