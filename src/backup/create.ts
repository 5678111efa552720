import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { findClientTools } from '../postgres/client-tools.ts';
import { libpqEnvironment } from '../postgres/libpq-environment.ts';
import { backendPid, refusePooledSessions, refusePoolerAddress } from '../postgres/pooler.ts';
import { withPassfile } from '../postgres/private-passfile.ts';
import { runTool, type ToolOutcome } from '../postgres/run-tool.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { type ClientTools, chooseTools, noFittingTools } from '../postgres/tool-choice.ts';
import type { Progress } from '../report/progress.ts';
import { readCatalog } from './catalog.ts';
import { readLargeObjects, readTable } from './contents.ts';
import type { DatabaseFacts, OtherSession } from './facts.ts';
import { clearLeftovers, endSessions } from './leftovers.ts';
import type { LargeObjects, Manifest, TableContent } from './manifest.ts';
import {
  type BackupPlan,
  type BackupPreview,
  type BackupRequest,
  dumpArguments,
  type LastBackup,
  type Problem,
  planBackup,
} from './plan.ts';
import { CopyProgress, type TableRows, tableProgress } from './progress.ts';
import { readBlockers, readFacts } from './read-facts.ts';
import { sealFiles, sealingRecipients } from './sealed-files.ts';
import type { BackupSettings } from './settings.ts';
import { awaitBlockers, claimDatabase, describeSession, openReader } from './snapshot-session.ts';
import {
  beginRun,
  databaseKey,
  endRun,
  forgetFailures,
  freeBytes,
  hashFiles,
  openStore,
  publish,
  readStore,
  recordFailure,
  type StoredBackup,
} from './store.ts';
import { watchDump } from './watch-dump.ts';
import { Ear } from './watch-progress.ts';

/** What a backup needs of the run it is part of. */
export interface BackupWorld {
  /** Absolute path of the store. */
  readonly store: string;
  readonly settings: BackupSettings;
  /** Where the migrations' ledger is: its last file is part of the manifest. */
  readonly ledger: { readonly schema: string; readonly table: string };
  readonly toolVersion: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
  /** How far long work is; called often. */
  readonly progress: (progress: Progress) => void;
  /** Called once the server has answered. */
  readonly connected: (serverVersion: string) => void;
}

/** File of the dump's description, for the comparison after a restore. */
export const CATALOG_FILE = 'catalog.json';

/** Where the dump lies in a backup: a folder, or a file in pg_dump's custom format. */
export function dumpPath({ format }: Pick<Manifest, 'format'>): string {
  return format === 'directory' ? 'dump' : 'dump.custom';
}

/**
 * Takes a backup: checks everything first, dumps at a snapshot while the same snapshot is counted and summed up, writes
 * the manifest last. Whatever goes wrong leaves no backup, no session and no lock behind.
 * @throws AishaError (backup) with all problems at once, before anything is written, or when the dump fails;
 *   (connection) behind a transaction pooler; (lock) when tables stay locked; (tool) without a fitting pg_dump
 */
export async function createBackup(request: BackupRequest, target: Target, world: BackupWorld): Promise<StoredBackup> {
  return prepare(request, target, world, 'take', async (preparation) => {
    if (preparation.plan.problems.length > 0) throw refusal(preparation.plan.problems);
    return take(preparation, target, world);
  });
}

/** What would be done, and everything that stands against it; nothing is written and nothing is waited for. */
export async function previewBackup(
  request: BackupRequest,
  target: Target,
  world: BackupWorld,
): Promise<BackupPreview> {
  return prepare(request, target, world, 'preview', async ({ plan, tools, recipients }) => {
    const where = { path: resolve(world.store, 'ID', dumpPath(plan)), snapshot: 'SNAPSHOT' };
    const args = dumpArguments(plan, { ...where, ...world.settings });
    return {
      plan,
      command: [resolve(tools.binDir, 'pg_dump'), ...args],
      freeBytes: freeBytes(world.store),
      recipients,
      refusal: plan.problems.length === 0 ? undefined : refusal(plan.problems),
    };
  });
}

/** How the sessions of a backup are called. */
export function sessionName(id: string): string {
  return `aisha-db backup ${id}`;
}

/** All that is known before the dump, with the sessions that hold it. */
interface Preparation {
  readonly id: string;
  readonly applicationName: string;
  readonly request: BackupRequest;
  /** Whom it is encrypted for; nobody when it is not. */
  readonly recipients: readonly string[];
  readonly facts: DatabaseFacts;
  readonly plan: BackupPlan;
  readonly tools: ClientTools;
  /** Holds the snapshot and the lock. */
  readonly holder: Session;
  /** Looks at the server meanwhile. */
  readonly watcher: Session;
}

/** A preview clears nothing away and waits for nobody. */
type Purpose = 'take' | 'preview';

async function prepare<T>(
  request: BackupRequest,
  target: Target,
  world: BackupWorld,
  purpose: Purpose,
  use: (preparation: Preparation) => Promise<T>,
): Promise<T> {
  refusePoolerAddress(target);
  const recipients = await sealingRecipients(world.settings);
  const id = newId(request.class);
  const applicationName = sessionName(id);
  const holder = await openReader(target, applicationName, world.signal);
  try {
    const watcher = await openReader(target, applicationName, world.signal);
    try {
      const ready = await inspect(request, target, world, purpose, { holder, watcher });
      return await use({ id, applicationName, request, recipients, holder, watcher, ...ready });
    } finally {
      await watcher.close();
    }
  } finally {
    await holder.close();
  }
}

async function inspect(
  request: BackupRequest,
  target: Target,
  world: BackupWorld,
  purpose: Purpose,
  { holder, watcher }: Pick<Preparation, 'holder' | 'watcher'>,
): Promise<Pick<Preparation, 'facts' | 'plan' | 'tools'>> {
  const { settings, store } = world;
  // 0 would be for ever.
  const waitMs = purpose === 'preview' ? 1 : settings.lockWaitMs;
  await refusePooledSessions(target, holder, watcher);
  if (purpose === 'take') for (const line of await clearLeftovers(store, watcher)) world.warn(line);
  await claimDatabase(holder, waitMs, world.signal);
  const tellBlockers = (blockers: readonly OtherSession[]): void => {
    for (const blocker of blockers) world.warn(`waiting for a lock: ${describeSession(blocker)}`);
  };
  await awaitBlockers(watcher, waitMs, tellBlockers, world.signal);
  await holder.query('begin isolation level repeatable read, read only');
  await holder.query(`select pg_catalog.set_config('lock_timeout', $1, true)`, [String(settings.lockWaitMs)]);
  const facts = await readFacts(holder, watcher, request.excludeSchemas, world.ledger);
  world.connected(facts.serverVersion);
  const machine = { cpus: availableParallelism(), freeBytes: freeBytes(store), encrypts: settings.encrypt };
  const plan = planBackup(request, facts, machine, lastBackupOf(databaseKey(addressOf(facts, target)), store));
  for (const warning of plan.warnings) world.warn(`warning: ${warning}`);
  const tools = toolsFor(facts.serverMajor, world);
  return { facts, plan, tools };
}

/** @throws AishaError (tool) when this machine has none that fits */
export function toolsFor(major: number, { settings, env }: Pick<BackupWorld, 'settings' | 'env'>): ClientTools {
  const found = findClientTools({ binDir: settings.binDir, searchPath: env['PATH'] });
  const chosen = chooseTools(found, major);
  if (chosen === undefined) throw noFittingTools(found, major, process.platform);
  return chosen;
}

function refusal(problems: readonly Problem[]): AishaError {
  const hints = [...new Set(problems.map(({ hint }) => hint))];
  const count = problems.length === 1 ? 'one thing stands' : `${problems.length} things stand`;
  return new AishaError('backup', `no backup was taken: ${count} against it`, {
    details: problems.map(({ message }) => message),
    hint: hints.join(' '),
  });
}

function lastBackupOf(key: string, store: string): LastBackup | undefined {
  const last = readStore(store).backups.findLast(
    ({ manifest }) => manifest.kind === 'full' && databaseKey(manifest) === key,
  );
  if (last === undefined) return undefined;
  const { tableBytes, dumpMs } = last.manifest;
  return { bytes: last.bytes, tableBytes, dumpMs, restoreMs: last.verification?.restoreMs ?? undefined };
}

// ── the dump ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function take(preparation: Preparation, target: Target, world: BackupWorld): Promise<StoredBackup> {
  const { id, applicationName, request, facts } = preparation;
  const database = databaseKey(addressOf(facts, target));
  openStore(world.store);
  try {
    return await takeInto(preparation, target, world, { id, class: request.class, database, applicationName });
  } catch (error) {
    const failure = asBackupFailure(error, world.store);
    const reason = messageOf(failure);
    noteFailure(world, { id, database, class: request.class, at: new Date().toISOString(), reason });
    throw failure;
  }
}

/** What the run has left is gone before anything else happens: on a full disk, its failure needs the room. */
async function takeInto(
  preparation: Preparation,
  target: Target,
  world: BackupWorld,
  run: Parameters<typeof beginRun>[1],
): Promise<StoredBackup> {
  try {
    const folder = beginRun(world.store, run);
    const manifest = await dumpInto(folder, preparation, target, world);
    world.signal.throwIfAborted();
    const backup = publish(world.store, folder, manifest);
    forgetFailures(world.store, run.database);
    return backup;
  } finally {
    endRun(world.store, run.id);
  }
}

/** A disk or a server that fails makes the backup fail, and is no defect: what it says is told as that. */
function asBackupFailure(error: unknown, store: string): unknown {
  if (error instanceof AishaError) return error;
  const hint = 'Nothing was kept of it, and earlier backups are as they were: look at what it says and run again.';
  if (isSystemError(error)) {
    return new AishaError('backup', `the backup cannot be written to ${store}: ${messageOf(error)}`, {
      cause: error,
      hint,
    });
  }
  const server = serverError(error);
  if (server === undefined && !/^Connection terminated/.test(messageOf(error))) return error;
  return new AishaError('backup', `the snapshot cannot be read: ${messageOf(error)}`, {
    cause: error,
    hint,
    ...(server === undefined ? {} : { sqlState: server.code }),
  });
}

/** That a failure cannot be recorded must not hide it. */
function noteFailure({ store, warn }: BackupWorld, failure: Parameters<typeof recordFailure>[1]): void {
  try {
    recordFailure(store, failure);
  } catch (error) {
    warn(`the failure could not be recorded in ${store}: ${messageOf(error)}`);
  }
}

/** Of the file system, not of a connection. */
function isSystemError(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (
    ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EFBIG', 'EACCES', 'ENOENT'].includes(code ?? '') && syscall !== 'connect'
  );
}

/** What tells the database from others, as a manifest has it. */
export function addressOf(facts: DatabaseFacts, { host, port }: Target): Pick<Manifest, 'server' | 'database'> {
  const { serverVersion: version, serverMajor: major, systemIdentifier, encoding, collation, ctype, owner } = facts;
  return {
    server: { version, major, host, port, systemIdentifier },
    database: { name: facts.database, encoding, collation, ctype, owner },
  };
}

async function dumpInto(
  folder: string,
  preparation: Preparation,
  target: Target,
  world: BackupWorld,
): Promise<Manifest> {
  const { id, request, facts, plan, tools, holder, recipients } = preparation;
  const [snapshot] = await holder.query<{ id: string }>('select pg_catalog.pg_export_snapshot() as id');
  const startedAt = performance.now();
  const { tables, largeObjects } = await dumpAndSumUp(snapshot!.id, folder, preparation, target, world);
  const catalog = await readCatalog(holder, plan.excludedSchemas);
  await holder.query('rollback');
  writeFileSync(join(folder, CATALOG_FILE), `${JSON.stringify(catalog)}\n`, { mode: 0o600 });
  if (recipients.length > 0) await sealFiles(folder, recipients, world);
  const dumpMs = Math.round(performance.now() - startedAt);
  return {
    id,
    class: request.class,
    kind: plan.kind,
    createdAt: facts.now,
    toolVersion: world.toolVersion,
    pgDumpVersion: tools.version,
    format: plan.format,
    jobs: plan.jobs,
    dumpMs,
    ...addressOf(facts, target),
    role: facts.role,
    snapshot: { id: snapshot!.id, lsn: facts.lsn },
    tableBytes: plan.tables.reduce((sum, { bytes }) => sum + bytes, 0),
    tables,
    largeObjects,
    sequences: facts.sequences,
    extensions: facts.extensions,
    roles: facts.roles,
    ledger: facts.ledger,
    danglingForeignKeys: plan.danglingForeignKeys,
    excludedSchemas: plan.excludedSchemas,
    leftOut: plan.leftOut,
    ...(recipients.length === 0 ? {} : { encryption: { format: 'age', recipients } as const }),
    files: await hashFiles(folder, world.progress),
  };
}

interface Contents {
  readonly tables: readonly TableContent[];
  readonly largeObjects: LargeObjects | null;
}

/** pg_dump and the sums read the same snapshot at the same time; when one of them fails, the other is ended. */
async function dumpAndSumUp(
  snapshot: string,
  folder: string,
  preparation: Preparation,
  target: Target,
  world: BackupWorld,
): Promise<Contents> {
  const { holder, watcher, applicationName, plan } = preparation;
  const ownPids = [await backendPid(holder), await backendPid(watcher)];
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(world.signal.reason);
  world.signal.addEventListener('abort', onAbort, { once: true });
  const ending = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error) => {
      stop.abort(error);
      throw error;
    });
  stop.signal.addEventListener('abort', () => holder.destroy(), { once: true });
  try {
    const rows = new CopyProgress(plan.tables.map((table) => rowsOf(table, table.estimatedRows)));
    let isDumped = false;
    const dump = runDump({ snapshot, folder, ownPids, rows }, stop.signal, preparation, target, world).then(() => {
      isDumped = true;
    });
    const onCounted = (count: number): void => {
      if (isDumped) world.progress(tableProgress('counting', count, plan.tables.length));
    };
    // Both have ended before anybody removes what they work on.
    const [dumped, contents] = await Promise.allSettled([ending(dump), ending(sumUp(holder, plan, rows, onCounted))]);
    if (dumped.status === 'fulfilled' && contents.status === 'fulfilled') return contents.value;
    await endSessions(watcher, applicationName, ownPids).catch(() => {});
    throw stop.signal.reason;
  } finally {
    world.signal.removeEventListener('abort', onAbort);
  }
}

async function sumUp(
  holder: Session,
  plan: BackupPlan,
  rows: CopyProgress,
  onCounted: (tables: number) => void,
): Promise<Contents> {
  const tables: TableContent[] = [];
  for (const table of plan.tables) {
    const content = await readTable(holder, table);
    rows.know(rowsOf(content, content.rows));
    tables.push(content);
    onCounted(tables.length);
  }
  return { tables, largeObjects: plan.withLargeObjects ? await readLargeObjects(holder, 'parts') : null };
}

/** A table as the progress of its dump knows it: by the name that pg_dump prints. */
function rowsOf({ schema, name }: Pick<TableContent, 'schema' | 'name'>, rows: number): TableRows {
  return { name: `${schema}.${name}`, rows };
}

interface DumpRun {
  readonly snapshot: string;
  readonly folder: string;
  readonly ownPids: readonly number[];
  readonly rows: CopyProgress;
}

async function runDump(
  { snapshot, folder, ownPids, rows }: DumpRun,
  stop: AbortSignal,
  { applicationName, plan, tools, watcher }: Preparation,
  target: Target,
  { settings, env, progress }: BackupWorld,
): Promise<void> {
  const path = join(folder, dumpPath(plan));
  const ear = new Ear();
  const hear = (line: string): void => {
    ear.hear();
    const table = /^pg_dump: dumping contents of table "(.*)"$/s.exec(line)?.[1];
    if (table !== undefined) rows.begin(table);
  };
  const ended = new AbortController();
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const watch = watchDump({
    session: watcher,
    applicationName,
    ownPids,
    path,
    rows,
    wasHeard: () => ear.wasHeard(),
    idleTimeoutMs: settings.idleTimeoutMs,
    progress,
    signal: ended.signal,
  }).catch((error) => failed.abort(error));
  const outcome = await withPassfile(target, (passfile) =>
    runTool({
      program: join(tools.binDir, 'pg_dump'),
      args: dumpArguments(plan, { path, snapshot, ...settings }),
      env: libpqEnvironment(target, { applicationName, passfile }, env),
      signal,
      onLine: hear,
    }),
  ).finally(() => ended.abort());
  await watch;
  signal.throwIfAborted();
  if (outcome.exitCode !== 0) throw await dumpFailed(outcome, watcher);
}

async function dumpFailed({ exitCode, endedBy, complaints }: ToolOutcome, watcher: Session): Promise<AishaError> {
  const blockers = await readBlockers(watcher).catch(() => []);
  const isSnapshotLost = complaints.some((line) => line.includes('invalid snapshot identifier'));
  const how = exitCode === undefined ? `was ended by ${endedBy ?? 'a signal'}` : `failed with exit code ${exitCode}`;
  return new AishaError('backup', isSnapshotLost ? 'the session that held the snapshot was ended' : `pg_dump ${how}`, {
    details: [...complaints, ...blockers.map((blocker) => `a lock is held by ${describeSession(blocker)}`)],
    hint: 'Nothing was kept of it, and earlier backups are as they were: mend what it says and run again.',
  });
}

/** Sorts by time, says what it is, and is nobody else's. */
function newId(backupClass: string): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-${backupClass}-${randomBytes(3).toString('hex')}`;
}
