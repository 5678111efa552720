import { randomBytes } from 'node:crypto';
import { readCatalog } from '../backup/catalog.ts';
import { compareCatalogs, compareTables, type Difference } from '../backup/compare.ts';
import { readStoredCatalog } from '../backup/compare-restored.ts';
import { readTable } from '../backup/contents.ts';
import { toolsFor } from '../backup/create.ts';
import { loadRows, takeBackDefaults } from '../backup/load-rows.ts';
import type { TableContent } from '../backup/manifest.ts';
import { type DumpReader, readDump } from '../backup/pg-restore.ts';
import { type RestoreWorld, refuseDamage } from '../backup/restore.ts';
import { openReader } from '../backup/snapshot-session.ts';
import type { StoredBackup } from '../backup/store.ts';
import { AishaError, messageOf } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { counted } from '../report/quantity.ts';
import { type MissingContents, selectMissing } from './restore-missing.ts';

/** What came back of what was gone. */
export interface BroughtBack {
  readonly rows: number;
  /** Objects that the dump has no line for. */
  readonly unknown: readonly string[];
}

/**
 * Brings objects that are gone back from a backup, beside what is there, in one transaction of a session that ends with
 * this process: a kill leaves nothing of it, and nobody sees a table without its policies or with grants that default
 * privileges have made on top of its own. Rows and definitions are compared with the backup before the commit.
 * @param missing objects as the catalog's print names them
 * @throws AishaError (backup) when anything stands against it; nothing was changed then
 */
export async function bringBack(
  backup: StoredBackup,
  missing: readonly string[],
  target: Target,
  lockTimeoutMs: number,
  world: RestoreWorld,
): Promise<BroughtBack> {
  await refuseDamage(backup, world);
  const tools = toolsFor(Number.parseInt(backup.manifest.pgDumpVersion, 10), world);
  const session = await openReader(target, `aisha-db recover ${randomBytes(6).toString('hex')}`, world.signal);
  const onAbort = (): void => session.destroy();
  world.signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.query('begin');
    await session.query(`select pg_catalog.set_config('lock_timeout', $1, true)`, [String(lockTimeoutMs)]);
    const { rows, unknown } = await readDump(backup, tools, world, (dump) =>
      build(dump, backup, missing, session, world),
    );
    const differences = await compare(session, backup, missing);
    if (differences.length > 0) throw otherwise(differences);
    await session.query('commit');
    return { rows, unknown };
  } catch (error) {
    world.signal.throwIfAborted();
    await session.undo().catch(() => {});
    throw error instanceof AishaError ? error : refused(error);
  } finally {
    world.signal.removeEventListener('abort', onAbort);
    await session.close();
  }
}

async function build(
  dump: DumpReader,
  { manifest }: StoredBackup,
  missing: readonly string[],
  session: Session,
  { info, progress }: RestoreWorld,
): Promise<BroughtBack> {
  const contents = selectMissing(
    dump.list,
    missing,
    manifest.roles.map(({ name }) => name),
  );
  const run = async (part: string): Promise<void> => {
    if (part === '') return;
    // The script would wait for locks without an end.
    const script = (await dump.script(part)).replace(/^SET lock_timeout = 0;$/m, '');
    const { error } = await session.script([script]);
    if (error !== undefined) throw error;
  };
  await run(contents.structure);
  await takeBackDefaults(session, await relationsOf(session, missing));
  await resetRoutines(session);
  const rows = await loadAll(dump, contents, await printed(session, manifest.tables), session, { info, progress });
  await run(contents.rest);
  return { rows, unknown: contents.unknown };
}

/** The tables of a backup by their names as the catalog's print has them. */
async function printed(session: Session, tables: readonly TableContent[]): Promise<ReadonlyMap<string, TableContent>> {
  const names = await session.query<{ name: string }>(
    `select pg_catalog.format('%I.%I', t.schema, t.name) as name
     from unnest($1::text[], $2::text[]) with ordinality t(schema, name, place) order by t.place`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(names.map(({ name }, index) => [name, tables[index]!]));
}

async function loadAll(
  dump: DumpReader,
  { rows: parts }: MissingContents,
  tables: ReadonlyMap<string, TableContent>,
  session: Session,
  { info, progress }: Pick<RestoreWorld, 'info' | 'progress'>,
): Promise<number> {
  let rows = 0;
  for (const { object, part } of parts) {
    const name = object.slice('table '.length);
    const expected = tables.get(name)?.rows ?? 0;
    info(`restoring ${name}: ${counted(expected, 'row')}`);
    await dump.rows(part, async (script) => {
      rows += await loadRows(script, { session, name, expected, prepare: async () => {}, progress });
    });
  }
  return rows;
}

/** Those of the missing tables, views and sequences that are there by now. */
async function relationsOf(session: Session, missing: readonly string[]): Promise<string[]> {
  const names = missing.flatMap(
    (object) => /^(?:table|view|sequence) (?!definition |settings )(.*)$/s.exec(object)?.[1] ?? [],
  );
  const there = await session.query<{ name: string }>(
    'select u.name from unnest($1::text[]) u(name) where pg_catalog.to_regclass(u.name) is not null',
    [names],
  );
  return there.map(({ name }) => name);
}

/** Functions that this transaction has made get the grants that PostgreSQL itself gives: a dump writes what differs. */
async function resetRoutines(session: Session): Promise<void> {
  const own = await session.query<{ sql: string }>(
    `select pg_catalog.format('revoke all on routine %s from %s cascade', p.oid::regprocedure,
       case g.grantee when 0 then 'public' else g.grantee::regrole::text end) as sql
     from pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) g
     where p.xmin::text = (pg_catalog.txid_current() % 4294967296)::text and g.grantee <> p.proowner
     union all
     select pg_catalog.format('grant execute on routine %s to public', p.oid::regprocedure)
     from pg_catalog.pg_proc p
     where p.xmin::text = (pg_catalog.txid_current() % 4294967296)::text and p.proacl is not null`,
  );
  for (const { sql } of own) await session.query(sql);
}

/** In what the objects that were brought back are not what they were. */
async function compare(session: Session, backup: StoredBackup, missing: readonly string[]): Promise<Difference[]> {
  const gone = new Set(missing);
  const isOurs = ({ kind, name }: { readonly kind: string; readonly name: string }) => gone.has(`${kind} ${name}`);
  const now = (await readCatalog(session, backup.manifest.excludedSchemas)).filter(isOurs);
  const there = new Set(now.map(({ kind, name }) => `${kind} ${name}`));
  const then = readStoredCatalog(backup).filter((entry) => isOurs(entry) && there.has(`${entry.kind} ${entry.name}`));
  const names = await printed(session, backup.manifest.tables);
  const tables = [...names].flatMap(([name, table]) => (there.has(`table ${name}`) ? [table] : []));
  const contents: TableContent[] = [];
  for (const table of tables) contents.push(await readTable(session, table, table.method));
  return [...compareTables(tables, contents), ...compareCatalogs(then, now)];
}

function otherwise(differences: readonly Difference[]): AishaError {
  return new AishaError('backup', 'what is gone would not come back as it was', {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Nothing was changed: it was one transaction. Go back with the whole database: aisha-db recover restore --way backup.',
  });
}

function refused(error: unknown): AishaError {
  const { code, detail } = error as { readonly code?: string; readonly detail?: string };
  return new AishaError('backup', `what is gone cannot be restored beside what is there: ${messageOf(error)}`, {
    cause: error,
    ...(detail === undefined ? {} : { details: [detail] }),
    ...(code === undefined ? {} : { sqlState: code }),
    hint: 'Nothing was changed: it was one transaction. Go back with the whole database: aisha-db recover restore --way backup.',
  });
}
