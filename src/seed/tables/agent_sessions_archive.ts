import { archivedSession, archiveStamps, provenance } from '../archived.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(100),
  row: (at) => ({
    id: at.id,
    ...archivedSession(at, at.n),
    payload: { summary: at.pick(at.pools.sentences), ...provenance(at) },
    metadata: {},
    ...archiveStamps(at),
  }),
};
