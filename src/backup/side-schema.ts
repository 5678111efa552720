import type { Readable } from 'node:stream';
import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import type { CatalogEntry } from './compare.ts';
import { loadRows, takeBackDefaults } from './load-rows.ts';
import type { TableContent } from './manifest.ts';
import { readDump } from './pg-restore.ts';
import type { RestoreWorld } from './restore.ts';
import {
  type BackupColumn,
  columnsOf,
  readSideMark,
  type SideMark,
  sideSchema,
  sideTableSql,
  writeSideMark,
} from './side-table.ts';
import type { StoredBackup } from './store.ts';
import { contentsOfTable, type TableName } from './table-contents.ts';

/** The rows of one table of a backup, in a schema that nobody else can look into. */
export interface SideTable {
  readonly schema: string;
  readonly columns: readonly BackupColumn[];
  /** An earlier run had loaded it. */
  readonly wasThere: boolean;
}

/**
 * Loads the rows of a table into its side schema, in one transaction: a kill leaves nothing, and whatever is there is
 * whole, so that the next run uses it. Nobody but the owner gets a right to it, whatever the default privileges of the
 * database say, and row-level security is on before the first row comes.
 * @throws AishaError (backup) when the dump does not give the rows that the manifest promises
 */
export async function loadSideTable(
  backup: StoredBackup,
  table: TableContent,
  catalog: readonly CatalogEntry[],
  { session, tools }: { readonly session: Session; readonly tools: ClientTools },
  world: RestoreWorld,
): Promise<SideTable> {
  const mark = { backup: backup.manifest.id, table: { schema: table.schema, name: table.name } };
  const schema = sideSchema(mark);
  const existing = await existingColumns(session, schema, mark);
  if (existing !== undefined) return { schema, columns: existing, wasThere: true };
  let columns: readonly BackupColumn[] = [];
  const owners = backup.manifest.roles.map(({ name }) => name);
  const onAbort = (): void => session.destroy();
  world.signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.query('begin');
    await readDump(backup, tools, world, (dump) =>
      dump.rows(rowsOf(dump.list, table, owners), async (script) => {
        columns = await load(script, session, schema, table, catalog, table.rows, world);
      }),
    );
    await closeToOthers(session, schema, table);
    await session.query(`comment on schema ${quoteIdentifier(schema)} is ${quoteLiteral(writeSideMark(mark))}`);
    await session.query('commit');
    return { schema, columns, wasThere: false };
  } catch (error) {
    world.signal.throwIfAborted();
    await session.undo().catch(() => {});
    throw error;
  } finally {
    world.signal.removeEventListener('abort', onAbort);
  }
}

/** Removes a side schema and all that is in it; one that is not ours is left alone. */
export async function dropSideTable(session: Session, mark: SideMark): Promise<boolean> {
  const schema = sideSchema(mark);
  if ((await existingColumns(session, schema, mark)) === undefined) return false;
  await session.query(`drop schema ${quoteIdentifier(schema)} cascade`);
  return true;
}

/** Side schemas that lie in the database, by whatever run. */
export async function findSideTables(session: Session): Promise<(SideMark & { readonly schema: string })[]> {
  const rows = await session.query<{ schema: string; comment: string | null }>(
    `select nspname::text as schema, pg_catalog.obj_description(oid, 'pg_namespace') as comment
     from pg_catalog.pg_namespace where nspname like 'aisha\\_restore\\_%' order by nspname collate "C"`,
  );
  return rows.flatMap(({ schema, comment }) => {
    const mark = readSideMark(comment);
    return mark === undefined ? [] : [{ ...mark, schema }];
  });
}

function rowsOf(list: string, table: TableName, owners: readonly string[]): string {
  const contents = contentsOfTable(list, table, owners, new Set());
  if (contents !== undefined && contents.rows !== '') return contents.rows;
  throw new AishaError(
    'backup',
    `the dump does not tell which of its rows are those of ${table.schema}.${table.name}`,
    {
      hint: 'Restore the whole backup into a new database with --into, and take the rows from there.',
    },
  );
}

/** Columns of the rows that an earlier run has loaded; `undefined` when none has. @throws AishaError (backup) for a schema of somebody else */
export async function existingColumns(
  session: Session,
  schema: string,
  mark: SideMark,
): Promise<readonly BackupColumn[] | undefined> {
  const [found] = await session.query<{ comment: string | null }>(
    `select pg_catalog.obj_description(oid, 'pg_namespace') as comment from pg_catalog.pg_namespace where nspname = $1`,
    [schema],
  );
  if (found === undefined) return undefined;
  const other = readSideMark(found.comment);
  if (JSON.stringify(other) !== JSON.stringify(mark)) {
    throw new AishaError('backup', `there is a schema ${schema} which no restore has made`, {
      hint: 'Rename it, and run again.',
    });
  }
  return session.query<BackupColumn>(
    `select a.attname::text as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type
     from pg_catalog.pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [quoteQualified(schema, mark.table.name)],
  );
}

async function load(
  stdout: Readable,
  session: Session,
  schema: string,
  table: TableName,
  catalog: readonly CatalogEntry[],
  expected: number,
  { progress }: RestoreWorld,
): Promise<readonly BackupColumn[]> {
  let columns: readonly BackupColumn[] = [];
  const name = quoteQualified(schema, table.name);
  const prepare = async (names: readonly string[]): Promise<void> => {
    columns = await typedColumns(session, table, catalog, names);
    for (const statement of sideTableSql(schema, table, columns)) await session.query(statement);
  };
  const rows = await loadRows(stdout, { session, name, expected, prepare, progress });
  if (columns.length === 0) throw notWhole(table, 'the dump has no rows for it');
  if (rows !== expected) throw notWhole(table, `the dump gave ${rows} rows and the manifest says ${expected}`);
  await session.query(`analyze ${name}`);
  return columns;
}

async function typedColumns(
  session: Session,
  table: TableName,
  catalog: readonly CatalogEntry[],
  names: readonly string[],
): Promise<readonly BackupColumn[]> {
  // As the catalog of the backup quotes names: only where they need it.
  const all = [table.schema, table.name, ...names];
  const quotedRows = await session.query<{ quoted: string }>(
    'select pg_catalog.quote_ident(n) as quoted from unnest($1::text[]) with ordinality u(n, place) order by place',
    [all],
  );
  const quoted = new Map(all.map((name, i) => [name, quotedRows[i]!.quoted]));
  const quote = (name: string) => quoted.get(name)!;
  const columns = columnsOf(catalog, `${quote(table.schema)}.${quote(table.name)}`, names, quote);
  const unknown = names.filter((_, i) => columns[i] === undefined);
  if (unknown.length > 0) throw notWhole(table, `the type of ${unknown.join(', ')} is not known`);
  return columns as BackupColumn[];
}

/** Takes back what default privileges have granted to others. */
async function closeToOthers(session: Session, schema: string, table: TableName): Promise<void> {
  const granted = await session.query<{ sql: string }>(
    `select distinct pg_catalog.format('revoke all on schema %I from %s cascade', n.nspname,
       case g.grantee when 0 then 'public' else g.grantee::regrole::text end) as sql
     from pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) g where n.nspname = $1 and g.grantee <> n.nspowner`,
    [schema],
  );
  for (const { sql } of granted) await session.query(sql);
  await takeBackDefaults(session, [quoteQualified(schema, table.name)]);
}

function notWhole({ schema, name }: TableName, reason: string): AishaError {
  return new AishaError('backup', `the rows of ${schema}.${name} cannot be loaded: ${reason}`, {
    hint: 'Nothing was changed. Verify the backup: aisha-db backup verify ID --restore.',
  });
}
