import type { Manifest } from '../../src/backup/manifest.ts';
import { beginRun, endRun, hashFiles, publish, type StoredBackup } from '../../src/backup/store.ts';
import { writeFiles } from '../support/folder.ts';

/** A backup whose dump is not one: bytes are all that is looked at here. */
export async function storedBackup(
  store: string,
  id = 'b1',
  createdAt = '2026-11-27T00:00:00.000Z',
  database: Partial<Manifest['database']> = {},
): Promise<StoredBackup> {
  const folder = beginRun(store, { id, class: 'daily', database: 'x', applicationName: '' });
  await writeFiles(folder, {
    'dump/toc.dat': Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256)),
    'dump/1.dat.gz': 'rows of a table',
    'dump/2.dat.gz': 'rows of others!',
    'dump/blobs.toc': '',
    'catalog.json': '[]\n',
  });
  const files = await hashFiles(folder);
  const backup = publish(store, folder, {
    ...MANIFEST,
    id,
    createdAt,
    database: { ...MANIFEST.database, ...database },
    files,
  });
  endRun(store, id);
  return backup;
}

export const MANIFEST: Manifest = {
  id: 'b1',
  class: 'daily',
  kind: 'full',
  createdAt: '2026-11-27T00:00:00.000Z',
  toolVersion: '0.1.0',
  pgDumpVersion: '15.18',
  format: 'directory',
  jobs: 2,
  dumpMs: 5,
  server: { version: '15.18', major: 15, host: 'db', port: 5432, systemIdentifier: null },
  database: { name: 'ünï "quoted" </script>', encoding: 'UTF8', collation: 'C', ctype: 'C' },
  role: { name: 'dumper', superuser: false, bypassRls: true },
  snapshot: { id: '0-1', lsn: '0/0' },
  tableBytes: 0,
  tables: [{ schema: 'public', name: 'invoice', rows: 500, fingerprint: '77', method: 'record' }],
  largeObjects: null,
  sequences: [],
  extensions: [],
  roles: [],
  ledger: null,
  danglingForeignKeys: [],
  excludedSchemas: [],
  leftOut: [],
  files: [],
};
