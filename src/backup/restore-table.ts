import { randomBytes } from 'node:crypto';
import { AishaError, messageOf } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import { readCatalog } from './catalog.ts';
import { type CatalogEntry, compareCatalogs, compareTables, type Difference } from './compare.ts';
import { readStoredCatalog } from './compare-restored.ts';
import { readSequences, readTable } from './contents.ts';
import { toolsFor } from './create.ts';
import { clearLeftovers } from './leftovers.ts';
import { loadRows, takeBackDefaults } from './load-rows.ts';
import type { TableContent } from './manifest.ts';
import {
  countSql,
  insertSql,
  type LiveTable,
  type Merge,
  type MergeMode,
  type MergePlan,
  orphanSql,
  planMerge,
  takenSql,
  updateSql,
} from './merge-plan.ts';
import { type DumpReader, readDump } from './pg-restore.ts';
import type { Problem } from './plan.ts';
import { readLiveTable, readOwnedSequences } from './read-live-table.ts';
import { type RestoreWorld, refuseDamage } from './restore.ts';
import { refusal } from './restore-report.ts';
import { withContent } from './sealed-files.ts';
import { dropSideTable, findSideTables, loadSideTable } from './side-schema.ts';
import { openReader } from './snapshot-session.ts';
import { beginRun, endRun, openStore, type StoredBackup } from './store.ts';
import { contentsOfTable, type TableContents, type TableName } from './table-contents.ts';

export interface TableRestoreOptions {
  /** Carry the merge out; without it the plan is made and the rows stay in the side schema. */
  readonly merge: MergeMode | undefined;
  /** Keep the side schema after a merge. */
  readonly keepSide: boolean;
  /** Milliseconds to wait for the lock on the table. */
  readonly lockTimeoutMs: number;
  /** Asked before the table is written to. */
  readonly confirm: () => Promise<void>;
}

/** How the rows of the backup and of the table differ. */
interface RowCounts {
  /** In the backup and not in the table. */
  readonly missing: number;
  /** In both, with other values. */
  readonly changed: number;
  /** In both, with other values that were written after the backup: never touched. */
  readonly newer: number;
  /** In the table and not in the backup: never touched. */
  readonly since: number;
}

/** Rows that stand against a merge. */
interface Conflict {
  /** Name of the foreign key or of the unique index. */
  readonly name: string;
  readonly rows: number;
  readonly mode: MergeMode;
}

/** What was found, and done with a table that is there. */
export interface MergedTable {
  readonly table: TableName;
  readonly schema: string;
  readonly plan: MergePlan;
  readonly counts: RowCounts;
  /** Rows whose foreign key would refer to nothing. */
  readonly orphans: readonly Conflict[];
  /** Rows whose unique values another row has by now. */
  readonly taken: readonly Conflict[];
  /** In what the table itself is not what it was: policies, grants, columns, indexes. */
  readonly differences: readonly Difference[];
  /** `undefined` when no merge was asked for. */
  readonly merged:
    | { readonly inserted: number; readonly updated: number; readonly raised: readonly string[] }
    | undefined;
  readonly sideKept: boolean;
}

/** A table that was not there any more and is again, with all its parts. */
export interface RestoredTable {
  readonly table: TableName;
  readonly rows: number;
  readonly restoreMs: number;
  /** What needs the table and is another's: not restored. */
  readonly left: readonly string[];
}

/**
 * Brings one table of a backup back. One that is gone is restored in one transaction with its indexes, constraints,
 * sequences, policies and grants, so that nobody ever sees it without its row-level security. One that is there keeps
 * all of that; the rows of the backup are loaded into a side schema that no other role can use, compared by the key,
 * and merged in one transaction when that is asked for.
 * @throws AishaError (backup) with everything that stands against it; (lock) when the table stays locked
 */
export async function restoreTable(
  backup: StoredBackup,
  wanted: string,
  target: Target,
  world: RestoreWorld,
  options: TableRestoreOptions,
): Promise<MergedTable | RestoredTable> {
  const table = findTable(backup, wanted);
  await refuseDamage(backup, world);
  return withContent(backup, world, (opened) =>
    withSession(opened, target, world, async (session) => {
      const tools = toolsFor(Number.parseInt(backup.manifest.pgDumpVersion, 10), world);
      const live = await readLiveTable(session, table);
      if (live === undefined) return restoreWhole(opened, table, { session, tools }, world);
      return compareAndMerge(opened, table, live, { session, tools }, world, options);
    }),
  );
}

/** Removes the rows that an earlier run has loaded; false when there were none. */
export async function discardTable(
  backup: StoredBackup,
  wanted: string,
  target: Target,
  world: RestoreWorld,
): Promise<boolean> {
  const { schema, name } = findTable(backup, wanted);
  const mark = { backup: backup.manifest.id, table: { schema, name } };
  return withSession(backup, target, world, (session) => dropSideTable(session, mark));
}

/** @throws AishaError (usage) when the backup has no rows of it, or of several */
export function findTable({ manifest }: StoredBackup, wanted: string): TableContent {
  const exact = manifest.tables.filter(({ schema, name }) => `${schema}.${name}` === wanted);
  const found = exact.length > 0 ? exact : manifest.tables.filter(({ name }) => name === wanted);
  const [table] = found;
  if (table !== undefined && found.length === 1) return table;
  throw new AishaError(
    'usage',
    found.length === 0 ? `${manifest.id} has no rows of a table ${wanted}` : `${wanted} is not one table`,
    {
      details: found.map(({ schema, name }) => `${schema}.${name}`),
      hint: 'Name it as SCHEMA.NAME; a partitioned table has its rows in its partitions.',
    },
  );
}

async function withSession<T>(
  backup: StoredBackup,
  target: Target,
  world: RestoreWorld,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  refusePoolerAddress(target);
  const applicationName = `aisha-db restore ${randomBytes(6).toString('hex')}`;
  const session = await openReader(target, applicationName, world.signal);
  const id = applicationName.replaceAll(' ', '-');
  try {
    openStore(world.store);
    for (const line of await clearLeftovers(world.store, session)) world.warn(line);
    const { manifest } = backup;
    beginRun(world.store, { id, class: manifest.class, database: '', applicationName, uses: manifest.id });
    const [server] = await session.query<{ version: string }>(`select current_setting('server_version') as version`);
    world.connected(server!.version);
    return await use(session);
  } finally {
    endRun(world.store, id);
    await session.close();
  }
}

// ── a table that is gone ────────────────────────────────────────────────────────────────────────────────────────────

interface Work {
  readonly session: Session;
  readonly tools: ClientTools;
}

/**
 * In one transaction, which is only committed when all is as it was: nobody sees the table without its policies, nor
 * with a grant that default privileges have made on top of its own.
 */
async function restoreWhole(
  backup: StoredBackup,
  table: TableContent,
  { session, tools }: Work,
  world: RestoreWorld,
): Promise<RestoredTable> {
  const { roles } = backup.manifest;
  const existing = (await readSequences(session, [])).map(({ schema, name }) => `${schema} ${name}`);
  world.info(`${table.schema}.${table.name} is not there: restoring it with everything that belongs to it`);
  const startedAt = performance.now();
  const onAbort = (): void => session.destroy();
  world.signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.query('begin');
    const left = await readDump(backup, tools, world, async (dump) => {
      const owners = roles.map(({ name }) => name);
      const contents = contentsOfTable(dump.list, table, owners, new Set(existing));
      if (contents === undefined) throw unclear(table);
      await build(dump, contents, table, session, world);
      return contents.left;
    });
    const differences = [
      ...compareTables([table], [await readTable(session, table, table.method)]),
      ...(await differencesOf(session, backup, table)),
    ];
    if (differences.length > 0) throw otherwise(table, differences);
    await session.query('commit');
    return { table, rows: table.rows, restoreMs: Math.round(performance.now() - startedAt), left };
  } catch (error) {
    world.signal.throwIfAborted();
    await session.undo().catch(() => {});
    throw error instanceof AishaError ? error : notRestored(table, error);
  } finally {
    world.signal.removeEventListener('abort', onAbort);
  }
}

async function build(
  dump: DumpReader,
  contents: TableContents,
  table: TableContent,
  session: Session,
  { progress }: RestoreWorld,
): Promise<void> {
  const run = async (part: string): Promise<void> => {
    const { error } = await session.script([await dump.script(part)]);
    if (error !== undefined) throw error;
  };
  const name = quoteQualified(table.schema, table.name);
  await run(contents.structure);
  const sequences = await readOwnedSequences(session, table);
  await takeBackDefaults(session, [name, ...sequences.map((own) => quoteQualified(own.schema, own.name))]);
  if (contents.rows !== '') {
    const target = { session, name, expected: table.rows, prepare: async () => {}, progress };
    await dump.rows(contents.rows, async (script) => {
      await loadRows(script, target);
    });
  }
  if (contents.rest !== '') await run(contents.rest);
}

function unclear({ schema, name }: TableName): AishaError {
  return new AishaError('backup', `the dump does not tell what belongs to ${schema}.${name}`, {
    hint: 'Restore the whole backup into a new database with --into.',
  });
}

function otherwise({ schema, name }: TableName, differences: readonly Difference[]): AishaError {
  return new AishaError('backup', `${schema}.${name} would not be what was backed up`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Nothing was changed: it was one transaction. Restore the whole backup into a new database with --into.',
  });
}

function notRestored({ schema, name }: TableName, error: unknown): AishaError {
  const { code } = error as { readonly code?: string };
  return new AishaError('backup', `${schema}.${name} cannot be restored: ${messageOf(error)}`, {
    cause: error,
    ...(code === undefined ? {} : { sqlState: code }),
    hint: 'Nothing was changed: it was one transaction. Restore what it needs first.',
  });
}

/** The table in the catalog, then and now: its columns, constraints, policies, triggers and grants. */
async function differencesOf(session: Session, backup: StoredBackup, table: TableName): Promise<Difference[]> {
  const [quoted] = await session.query<{ name: string }>('select pg_catalog.format($1, $2::text, $3::text) as name', [
    '%I.%I',
    table.schema,
    table.name,
  ]);
  const { name } = quoted!;
  const isOwn = (entry: CatalogEntry) =>
    OF_A_TABLE.includes(entry.kind) &&
    (entry.name === name || entry.name.startsWith(`${name}.`) || entry.name.startsWith(`${name} `));
  const after = await readCatalog(session, backup.manifest.excludedSchemas);
  const indexes = (entries: readonly CatalogEntry[]) =>
    entries.filter(({ kind, definition }) => kind === 'index' && definition.includes(` ON ${name} `));
  const ownOf = (entries: readonly CatalogEntry[]) => [...entries.filter(isOwn), ...indexes(entries)];
  return compareCatalogs(ownOf(readStoredCatalog(backup)), ownOf(after));
}

const OF_A_TABLE = ['table', 'column', 'constraint', 'policy', 'trigger', 'rule'];

// ── a table that is there ───────────────────────────────────────────────────────────────────────────────────────────

async function compareAndMerge(
  backup: StoredBackup,
  content: TableContent,
  live: LiveTable,
  work: Work,
  world: RestoreWorld,
  options: TableRestoreOptions,
): Promise<MergedTable> {
  const { session } = work;
  const table = { schema: live.schema, name: live.name };
  const mark = { backup: backup.manifest.id, table };
  for (const other of await findSideTables(session)) {
    if (other.backup === mark.backup && JSON.stringify(other.table) === JSON.stringify(table)) continue;
    world.warn(
      `left by an earlier run: ${other.schema} with ${other.table.schema}.${other.table.name} of ${other.backup}`,
    );
  }
  world.info(`loading the rows of ${live.schema}.${live.name} into a side schema`);
  const side = await loadSideTable(backup, content, readStoredCatalog(backup), work, world);
  if (side.wasThere) world.info(`${side.schema} was loaded by an earlier run and is whole: going on from there`);
  const plan = planMerge(live, side.columns);
  for (const warning of plan.warnings) world.warn(`warning: ${warning}`);
  if (plan.problems.length > 0) throw refusal(plan.problems, `${live.schema}.${live.name} cannot be compared`);
  const merge: Merge = {
    live,
    side: { schema: side.schema, name: live.name },
    plan,
    createdAt: backup.manifest.createdAt,
  };
  const found = await compareRows(session, merge);
  const differences = await differencesOf(session, backup, table);
  const base = { table, schema: side.schema, plan, differences };
  const { merge: mode } = options;
  if (mode === undefined) return { ...base, ...found, merged: undefined, sideKept: true };
  const standing = conflicts(found, mode, live);
  if (standing.length > 0) throw refusal(standing, 'nothing was merged');
  await options.confirm();
  const merged = await carryOut(session, merge, mode, options.lockTimeoutMs, world);
  if (!options.keepSide) await dropSideTable(session, mark);
  return { ...base, ...found, merged, sideKept: options.keepSide };
}

export type ComparedRows = Pick<MergedTable, 'counts' | 'orphans' | 'taken'>;

/** How the rows of the side table and of the table differ; reads only. */
export async function compareRows(session: Session, merge: Merge): Promise<ComparedRows> {
  const [counts] = await session.query<RowCounts>(countSql(merge));
  const orphans: Conflict[] = [];
  const taken: Conflict[] = [];
  const count = async (sql: string) => (await session.query<{ count: number }>(sql))[0]!.count;
  const isKnown = (columns: readonly string[]) => columns.every((column) => merge.plan.columns.includes(column));
  for (const mode of ['missing', 'changed'] as const) {
    for (const key of merge.live.foreignKeys.filter(({ columns }) => isKnown(columns))) {
      orphans.push({ name: key.name, mode, rows: await count(orphanSql(merge, mode, key)) });
    }
    for (const { name, columns } of merge.live.uniques.filter((unique) => isKnown(unique.columns))) {
      taken.push({ name, mode, rows: await count(takenSql(merge, mode, columns)) });
    }
  }
  const real = ({ rows }: Conflict) => rows > 0;
  return { counts: counts!, orphans: orphans.filter(real), taken: taken.filter(real) };
}

function conflicts({ orphans, taken }: ComparedRows, mode: MergeMode, { schema, name }: TableName): Problem[] {
  return [
    ...orphans
      .filter((conflict) => conflict.mode === mode)
      .map((conflict) => ({
        message: `${conflict.rows} rows of ${schema}.${name} would refer to nothing by ${conflict.name}`,
        hint: 'Merge the table that they refer to first.',
      })),
    ...taken
      .filter((conflict) => conflict.mode === mode)
      .map((conflict) => ({
        message: `${conflict.rows} rows of ${schema}.${name} have values of ${conflict.name} that other rows have by now`,
        hint: 'Decide by hand which of the two rows is right; the side schema holds the old ones.',
      })),
  ];
}

/** One transaction, in which nobody else writes to the table; reading goes on. */
async function carryOut(
  session: Session,
  merge: Merge,
  mode: MergeMode,
  lockTimeoutMs: number,
  { signal }: RestoreWorld,
): Promise<NonNullable<MergedTable['merged']>> {
  const name = quoteQualified(merge.live.schema, merge.live.name);
  const onAbort = (): void => session.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.query('begin');
    await session.query(`select pg_catalog.set_config('lock_timeout', $1, true)`, [String(lockTimeoutMs)]);
    await session.query(`lock table ${name} in share row exclusive mode`);
    // Between the plan and the lock somebody may have written.
    const standing = conflicts(await compareRows(session, merge), mode, merge.live);
    if (standing.length > 0) throw refusal(standing, 'nothing was merged');
    const inserted = (await session.client.query(insertSql(merge))).rowCount ?? 0;
    const update = mode === 'changed' ? updateSql(merge) : undefined;
    const updated = update === undefined ? 0 : ((await session.client.query(update)).rowCount ?? 0);
    const raised = await raiseSequences(session, merge.live);
    await session.query('commit');
    return { inserted, updated, raised };
  } catch (error) {
    signal.throwIfAborted();
    await session.undo().catch(() => {});
    throw await notMerged(session, merge.live, error);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A sequence goes on behind the highest number that its column has; it is never set back. */
async function raiseSequences(session: Session, table: TableName): Promise<string[]> {
  const raised: string[] = [];
  for (const { schema, name, column } of await readOwnedSequences(session, table)) {
    const sequence = quoteQualified(schema, name);
    const [row] = await session.query<{ to: string | null }>(
      `select pg_catalog.setval(${quoteLiteral(sequence)}::regclass, m.highest)::text as to
       from (select max(${quoteIdentifier(column)})::bigint as highest from ${quoteQualified(table.schema, table.name)}) m,
         ${sequence} s, pg_catalog.pg_sequence d
       where d.seqrelid = ${quoteLiteral(sequence)}::regclass and d.seqincrement > 0
         and (m.highest > s.last_value or (m.highest = s.last_value and not s.is_called))`,
    );
    if (row?.to != null) raised.push(`${schema}.${name} to ${row.to}`);
  }
  return raised;
}

async function notMerged(session: Session, { schema, name }: LiveTable, error: unknown): Promise<AishaError> {
  if (error instanceof AishaError) return error;
  const { code, message } = error as { readonly code?: string; readonly message: string };
  if (code !== SQLSTATE.lockNotAvailable) {
    return new AishaError('backup', `nothing was merged into ${schema}.${name}: ${message}`, {
      cause: error,
      ...(code === undefined ? {} : { sqlState: code }),
      hint: 'It was one transaction, so that all is as it was. The rows of the backup stay in the side schema.',
    });
  }
  const holders = await session
    .query<{ line: string }>(
      `select distinct pg_catalog.format('pid %s, role %s, %s, since %s', a.pid, a.usename, a.application_name,
         pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SSOF')) as line
       from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
       where l.granted and l.relation = $1::regclass and l.pid <> pg_catalog.pg_backend_pid()
         and l.mode not in ('AccessShareLock', 'RowShareLock')`,
      [quoteQualified(schema, name)],
    )
    .catch(() => []);
  return new AishaError('lock', `${schema}.${name} is locked, so that nothing was merged`, {
    details: holders.map(({ line }) => `a lock is held by ${line}`),
    hint: 'Wait until it is free and run again: the rows of the backup stay in the side schema.',
  });
}
