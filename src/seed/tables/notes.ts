import { related } from '../related.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(10),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    title: at.chance(70) ? at.pick(at.pools.phrases) : null,
    content: at.pick(at.pools.paragraphs),
    ...related(at),
    created_by: at.anyOf('employee'),
    metadata: { pinned: at.chance(5) },
    ...at.stamps(),
  }),
};
