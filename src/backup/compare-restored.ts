import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { readCatalog } from './catalog.ts';
import {
  type CatalogEntry,
  compareCatalogs,
  compareLargeObjects,
  compareSequences,
  compareTables,
  type Difference,
  tablesNotCounted,
} from './compare.ts';
import { readExtensionSequences, readLargeObjects, readOrdinaryTables, readSequences, readTable } from './contents.ts';
import type { Omissions } from './contents-list.ts';
import { type BackupWorld, CATALOG_FILE } from './create.ts';
import type { TableContent } from './manifest.ts';
import { tableProgress } from './progress.ts';
import { openReader } from './snapshot-session.ts';
import { contentFolder, type StoredBackup } from './store.ts';

/** What the catalog of the source said at the dump's snapshot. */
export function readStoredCatalog(backup: Pick<StoredBackup, 'manifest' | 'path' | 'content'>): CatalogEntry[] {
  return JSON.parse(readFileSync(join(contentFolder(backup), CATALOG_FILE), 'utf8')) as CatalogEntry[];
}

/** The same as `compareRestored`, in a session of its own, which an abort cuts. */
export async function compareDatabase(
  target: Target,
  backup: StoredBackup,
  omissions: Omissions,
  applicationName: string,
  { signal, progress }: Pick<BackupWorld, 'signal' | 'progress'>,
): Promise<Difference[]> {
  const session = await openReader(target, applicationName, signal);
  const onAbort = (): void => session.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.query('begin isolation level repeatable read, read only');
    return await compareRestored(session, backup, omissions, progress);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await session.close();
  }
}

/**
 * Everything in which a restored database is not what the backup's manifest and catalog say: rows, large objects,
 * sequences, and all that the catalog knows.
 * @param session in a transaction, opened by `openReader` as a role that no policy hides rows from
 */
export async function compareRestored(
  session: Session,
  backup: Pick<StoredBackup, 'manifest' | 'path' | 'content'>,
  omissions: Omissions,
  progress: BackupWorld['progress'],
): Promise<Difference[]> {
  const { manifest } = backup;
  const after = await readCatalog(session, manifest.excludedSchemas);
  const ordinary = await readOrdinaryTables(session, manifest.excludedSchemas);
  return [
    ...tablesNotCounted(manifest, ordinary),
    ...compareTables(manifest.tables, await readTables(session, manifest.tables, progress)),
    ...(manifest.kind === 'full'
      ? compareLargeObjects(
          manifest.largeObjects,
          await readLargeObjects(session, manifest.largeObjects?.method ?? 'whole'),
        )
      : []),
    ...(manifest.kind === 'schema'
      ? []
      : compareSequences(
          without(manifest.sequences, await readExtensionSequences(session)),
          await readSequences(session, manifest.excludedSchemas),
        )),
    ...compareCatalogs(expected(readStoredCatalog(backup), omissions), after, {
      before: manifest.server.major,
      after: await readMajor(session),
    }),
  ];
}

function without<T extends Named>(all: readonly T[], others: readonly Named[]): T[] {
  return all.filter(({ schema, name }) => !others.some((other) => other.schema === schema && other.name === name));
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** The major version of the session's server. */
export async function readMajor(session: Session): Promise<number> {
  const [row] = await session.query<{ major: number }>(
    `select current_setting('server_version_num')::integer / 10000 as major`,
  );
  return row!.major;
}

/** A table that is not there is a difference, not an error. */
async function readTables(
  session: Session,
  tables: readonly TableContent[],
  progress: BackupWorld['progress'],
): Promise<TableContent[]> {
  const contents: TableContent[] = [];
  for (const [index, table] of tables.entries()) {
    progress(tableProgress('comparing', index, tables.length));
    await session.query('savepoint one_table');
    try {
      contents.push(await readTable(session, table, table.method));
    } catch (error) {
      if (!('severity' in (error as object))) throw error;
      await session.query('rollback to savepoint one_table');
    }
  }
  return contents;
}

/** What is to be found after a restore that left something out on purpose. */
function expected(
  entries: readonly CatalogEntry[],
  { extensions, stubbed = [], foreignKeys, indexes = [] }: Omissions,
): CatalogEntry[] {
  const absent = new Set([
    ...extensions.filter(({ name }) => !stubbed.includes(name)).map(({ name }) => `extension ${name}`),
    ...foreignKeys.map(({ catalogName }) => `constraint ${catalogName}`),
    ...indexes.map(({ catalogName }) => `index ${catalogName}`),
  ]);
  return entries.filter(({ kind, name }) => !absent.has(`${kind} ${name}`));
}
