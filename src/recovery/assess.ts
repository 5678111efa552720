import { readCatalog } from '../backup/catalog.ts';
import { readStoredCatalog } from '../backup/compare-restored.ts';
import type { StoredBackup } from '../backup/store.ts';
import { messageOf } from '../errors.ts';
import { quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type CatalogPrint, changedObjects, type LedgerPlace, printCatalog } from '../rehearsal/catalog-print.ts';
import { readBursts, type Span } from './audit-log.ts';
import type { Assessment, BackupAtHand, TableLoss } from './incident.ts';

/** How long one exact count may take (ms); then the planner's estimate has to do. */
const COUNT_MS = 20_000;

/** What is found out by others: they know the relations and the migrations. */
export interface AskedElsewhere {
  readonly orphans: Assessment['orphans'];
  readonly ledger: readonly string[];
  readonly migrationsSince: Assessment['migrationsSince'];
  readonly unknown: readonly string[];
}

/** What a backup says of itself, for the choice. */
function atHand({ manifest, verification }: StoredBackup): BackupAtHand {
  return {
    id: manifest.id,
    at: manifest.createdAt,
    verified: verification?.verified === true,
    restoreMs: verification?.restoreMs ?? undefined,
  };
}

/** Compares what is there with the last backup from before the incident. Reads only. */
export async function assess(
  session: Session,
  backup: StoredBackup | undefined,
  span: Span,
  ledger: LedgerPlace,
  elsewhere: AskedElsewhere,
): Promise<Assessment> {
  const unknown = [...elsewhere.unknown];
  const tables = backup === undefined ? [] : await countTables(session, backup, unknown);
  const [then, now] = backup === undefined ? [{}, {}] : await catalogs(session, backup, ledger);
  const objects = changedObjects(then, now);
  return {
    at: new Date().toISOString(),
    isLost: false,
    backup: backup === undefined ? undefined : atHand(backup),
    tables,
    missing: objects.filter((object) => now[object] === undefined),
    changed: objects.filter((object) => now[object] !== undefined && then[object] !== undefined),
    orphans: elsewhere.orphans,
    bursts: await readBursts(session, span).catch((error) => {
      if (serverError(error) === undefined) throw error;
      unknown.push(`audit_log cannot be read: ${messageOf(error)}`);
      return undefined;
    }),
    ledger: elsewhere.ledger,
    migrationsSince: elsewhere.migrationsSince,
    unknown,
  };
}

/** A database that is not there: everything that the backup had is lost. */
export function assessLost(backup: StoredBackup | undefined): Assessment {
  return {
    at: new Date().toISOString(),
    isLost: true,
    backup: backup === undefined ? undefined : atHand(backup),
    tables: (backup?.manifest.tables ?? []).map(({ schema, name, rows }) => ({
      table: `${schema}.${name}`,
      rowsThen: rows,
      rowsNow: undefined,
      estimated: false,
    })),
    missing: [],
    changed: [],
    orphans: [],
    bursts: undefined,
    ledger: [],
    migrationsSince: [],
    unknown: [],
  };
}

/** Objects of the backup's catalog that are gone. Reads only. */
export async function findMissing(session: Session, backup: StoredBackup, ledger: LedgerPlace): Promise<string[]> {
  const [then, now] = await catalogs(session, backup, ledger);
  return changedObjects(then, now).filter((object) => now[object] === undefined);
}

async function catalogs(
  session: Session,
  backup: StoredBackup,
  ledger: LedgerPlace,
): Promise<[CatalogPrint, CatalogPrint]> {
  const then = printCatalog(readStoredCatalog(backup), ledger);
  return [then, printCatalog(await readCatalog(session, backup.manifest.excludedSchemas), ledger)];
}

async function countTables(session: Session, { manifest }: StoredBackup, unknown: string[]): Promise<TableLoss[]> {
  const losses: TableLoss[] = [];
  for (const { schema, name, rows } of manifest.tables) {
    const count = await countRows(session, schema, name, unknown);
    losses.push({ table: `${schema}.${name}`, rowsThen: rows, ...count });
  }
  return losses;
}

async function countRows(
  session: Session,
  schema: string,
  name: string,
  unknown: string[],
): Promise<Pick<TableLoss, 'rowsNow' | 'estimated'>> {
  await session.query('begin read only');
  try {
    await session.query(`select pg_catalog.set_config('statement_timeout', $1, true)`, [String(COUNT_MS)]);
    const [row] = await session.query<{ rows: number }>(
      `select count(*)::float8 as rows from only ${quoteQualified(schema, name)}`,
    );
    return { rowsNow: row!.rows, estimated: false };
  } catch (error) {
    const code = serverError(error)?.code;
    if (code === undefined) throw error;
    if (code === SQLSTATE.undefinedTable || code === SQLSTATE.invalidSchema)
      return { rowsNow: undefined, estimated: false };
    unknown.push(`${schema}.${name} was not counted: ${messageOf(error)}`);
  } finally {
    await session.query('rollback');
  }
  const [estimate] = await session.query<{ rows: number }>(
    `select greatest(c.reltuples, 0)::float8 as rows from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  return { rowsNow: estimate?.rows, estimated: true };
}
