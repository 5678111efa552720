import { textArray } from '../copy-text.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(1_000, 1, 5),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    url: `https://hooks.${at.slug}.example/${at.n + 1}?q=%22a%22&b='c'`,
    event_types: textArray(at.pick([['*'], ['aicampaign.created', 'aicampaign.start'], ['aicampaign.completed']])),
    secret: `whsec_${at.id.replaceAll('-', '')}`,
    is_active: at.chance(80),
    metadata: {},
    ...at.stamps(),
  }),
};
