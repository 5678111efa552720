import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { to as copyTo } from 'pg-copy-streams';
import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { PlannedTable, TenantName, TenantPlan } from './plan.ts';
import { hidden } from './tenant-table.ts';

/** How many rows of a tenant a table has. */
interface CountedTable {
  readonly table: PlannedTable;
  readonly rows: number;
}

/** Rows of somebody else that refer to rows of the tenant. */
interface FoundCrossing {
  readonly table: string;
  readonly parent: string;
  readonly foreignKey: string;
  readonly onDelete: string;
  readonly rows: number;
}

/** What a tenant has, and what stands in the way of deleting it. */
export interface TenantInventory {
  /** Parents before children. */
  readonly tables: readonly CountedTable[];
  readonly crossings: readonly FoundCrossing[];
}

/** A file with all rows of a tenant. */
export interface TenantExport {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
  /** Rows by `schema.name`. */
  readonly tables: ReadonlyMap<string, number>;
}

export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Told of each table as it is done. */
  readonly onTable: (line: string) => void;
}

/** @throws AishaError (connection) when row-level security hides rows: an export would lack them, a delete leave them */
export function refuseHidden({ filtered }: TenantPlan, role: string): void {
  if (filtered.length > 0) throw hidden(filtered.join(', '), role);
}

/** Counts in the transaction that is open. */
export async function countTenant(session: Session, { groups, crossings }: TenantPlan): Promise<TenantInventory> {
  const tables: CountedTable[] = [];
  for (const table of groups.flat()) {
    const [row] = await session.query<{ rows: string }>(
      `select count(*)::text as rows from ${table.sql} t where ${table.condition}`,
    );
    tables.push({ table, rows: Number(row!.rows) });
  }
  const found: FoundCrossing[] = [];
  for (const { label, parent, foreignKey, onDelete, count } of crossings) {
    const [row] = await session.query<{ rows: string }>(count);
    if (row!.rows !== '0') found.push({ table: label, parent, foreignKey, onDelete, rows: Number(row!.rows) });
  }
  return { tables, crossings: found };
}

/**
 * Writes all rows of a tenant into a script for psql, parents before children, in the transaction that is open. The
 * file is there whole or not at all, for its owner's eyes only.
 * @throws AishaError (usage) when the file cannot be written; the server's errors
 */
export async function exportTenant(
  session: Session,
  plan: TenantPlan,
  tenant: TenantName,
  file: string,
  options: TransferOptions,
): Promise<TenantExport> {
  const draft = `${file}.part`;
  const output = createWriteStream(draft, { flags: 'w', mode: 0o600 });
  try {
    await once(output, 'open');
    const written = await writeTables(session, plan, tenant, output, options);
    await finish(output, draft, file);
    return { ...written, file };
  } catch (error) {
    output.destroy();
    await rm(draft, { force: true });
    throw explainFile(error, file);
  }
}

async function writeTables(
  session: Session,
  plan: TenantPlan,
  tenant: TenantName,
  output: WriteStream,
  { signal, onTable }: TransferOptions,
): Promise<Omit<TenantExport, 'file'>> {
  const hash = createHash('sha256');
  const tables = new Map<string, number>();
  let bytes = 0;
  const write = async (chunk: Buffer | string): Promise<void> => {
    signal.throwIfAborted();
    const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    hash.update(data);
    bytes += data.length;
    if (!output.write(data)) await once(output, 'drain');
  };
  await write(heading(tenant));
  for (const table of plan.groups.flat()) {
    const columns = table.columns.map(quoteIdentifier).join(', ');
    await write(
      `\n-- ${table.label.replaceAll(/[\r\n]/g, ' ')}: ${table.because.replaceAll(/[\r\n]/g, ' ')}\nCOPY ${table.sql} (${columns}) FROM stdin;\n`,
    );
    const rows = await copyOut(session, `select ${columns} from ${table.sql} t where ${table.condition}`, write);
    await write('\\.\n');
    tables.set(table.label, rows);
    if (rows > 0) onTable(`${table.label}: ${rows} exported`);
  }
  const rows = [...tables.values()].reduce((sum, count) => sum + count, 0);
  await write(`\nCOMMIT;\n\n-- complete: ${rows} rows\n`);
  return { rows, bytes, sha256: hash.digest('hex'), tables };
}

/** What a newline in a slug would do to a comment it does not do. */
function heading({ uuid, slug }: TenantName): string {
  const name = slug.replaceAll(/[\r\n]/g, ' ');
  return `-- All rows of tenant ${uuid} (${name}), parents before children.
-- Into a database that has the same tables: psql -X -v ON_ERROR_STOP=1 -f THIS_FILE
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
BEGIN;
`;
}

/** COPY's text format loses nothing, and is what psql reads back. Returns the number of rows. */
async function copyOut(session: Session, query: string, write: (chunk: Buffer) => Promise<void>): Promise<number> {
  const stream = session.client.query(copyTo(`COPY (${query}) TO STDOUT`));
  for await (const chunk of stream) await write(chunk as Buffer);
  return stream.rowCount;
}

/** With the disk, not only with the operating system: rows may be deleted next. */
async function finish(output: WriteStream, draft: string, file: string): Promise<void> {
  output.end();
  await once(output, 'close');
  await synchronise(draft);
  await rename(draft, file);
  await synchronise(dirname(file));
}

async function synchronise(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function explainFile(error: unknown, file: string): unknown {
  if (error instanceof AishaError || !(error instanceof Error) || !('syscall' in error)) return error;
  return new AishaError('usage', `the export cannot be written to ${file}: ${messageOf(error)}`, {
    hint: 'Choose another place with --file.',
    cause: error,
  });
}

/**
 * Deletes all rows of a tenant, children before parents, in the transaction that is open. What was not exported is not
 * deleted: the counts of each table have to agree.
 * @throws AishaError (rolledBack) when they do not, or when something refers to a row that is to go
 */
export async function deleteTenant(
  session: Session,
  { groups }: TenantPlan,
  exported: TenantExport,
  { signal, onTable }: TransferOptions,
): Promise<number> {
  let total = 0;
  for (const group of groups.toReversed()) {
    signal.throwIfAborted();
    for (const [label, rows] of await deleteGroup(session, group)) {
      const expected = exported.tables.get(label);
      if (rows !== expected) throw changed(label, rows, expected);
      if (rows > 0) onTable(`${label}: ${rows} deleted`);
      total += rows;
    }
  }
  return total;
}

/** Tables that refer to each other go in one statement: foreign keys are looked at when it ends. */
async function deleteGroup(session: Session, group: readonly PlannedTable[]): Promise<[string, number][]> {
  const parts = group.map((table, at) => `d${at} as (delete from ${table.sql} t where ${table.condition} returning 1)`);
  const counts = group.map((_, at) => `(select count(*) from d${at})::text as "${at}"`);
  try {
    const [row] = await session.query<Record<string, string>>(`with ${parts.join(', ')} select ${counts.join(', ')}`);
    return group.map(({ label }, at) => [label, Number(row![at])]);
  } catch (error) {
    throw explainDelete(error, group.map(({ label }) => label).join(', '));
  }
}

function changed(label: string, deleted: number, exported: number | undefined): AishaError {
  return new AishaError('rolledBack', `${label}: ${exported} rows were exported and ${deleted} would be deleted`, {
    hint: 'Nothing was deleted. A trigger of the table may delete rows itself: look at it, or delete these rows first.',
  });
}

/** 40001: somebody else has changed a row since the transaction began. */
function explainDelete(error: unknown, labels: string): unknown {
  const failure = serverError(error);
  if (failure === undefined) return error;
  const { code, message, detail } = failure;
  const hint =
    code === '40001'
      ? 'Nothing was deleted: rows of the tenant were changed meanwhile. Keep its users out (tenant.status), then run it again.'
      : 'Nothing was deleted. aisha-db troubleshoot explains the error.';
  return new AishaError(code === '55P03' ? 'lock' : 'rolledBack', `${labels}: ${message}`, {
    hint,
    sqlState: code,
    details: detail === undefined ? [] : [detail],
    cause: error,
  });
}
