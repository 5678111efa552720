import { related } from '../related.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(25),
  row: (at) => {
    const name = at.pick(at.pools.fileNames);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      name,
      storage_path: `${at.tenant.id}/${at.id}/${name}`,
      mime_type: at.pick(['application/pdf', 'image/png', 'text/csv', 'text/html; charset=utf-8']),
      size_bytes: at.int(200, 50_000_000),
      ...related(at),
      uploaded_by: at.anyOf('employee'),
      metadata: { version: at.int(1, 5) },
      ...at.stamps(),
    };
  },
};
