import { availableParallelism } from 'node:os';
import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { type ScratchServer, startScratchServer } from '../postgres/scratch-server.ts';
import { findServerBinaries } from '../postgres/server-binaries.ts';
import { isServerTrouble } from '../postgres/server-error.ts';
import { chooseServerUser } from '../postgres/server-user.ts';
import type { Session } from '../postgres/session.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import { compareDatabase, readStoredCatalog } from './compare-restored.ts';
import { type Omissions, omitFromList } from './contents-list.ts';
import { type BackupWorld, toolsFor } from './create.ts';
import type { Manifest } from './manifest.ts';
import { type RestoreFailure, type RestoreRun, runRestore } from './pg-restore.ts';
import { type Lack, lackOf, type RefusedEntry, rowsWithout, unexplained } from './refused-entries.ts';
import { rolesSql } from './scratch-roles.ts';
import { withContent } from './sealed-files.ts';
import { openReader } from './snapshot-session.ts';
import { manifestHash, recordVerification, type StoredBackup, type Verification } from './store.ts';
import { describeOmissions, stubExtensions } from './stub-extensions.ts';
import { recordDamage, verifyFiles } from './verify.ts';

/** What a verification needs of the run it is part of. */
export type VerifyWorld = Pick<BackupWorld, 'store' | 'settings' | 'env' | 'signal' | 'info' | 'progress'>;

/** Name of the restored database on the scratch server, which is nobody else's. */
export const DATABASE = 'restored';

/** Where everything is tried one by one. */
const SECOND_DATABASE = 'restored_one_by_one';

const APPLICATION = 'aisha-db verify';

/** Never reached from outside of this machine, gone with the run: durability would only cost time. */
const SCRATCH_SETTINGS = {
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '40',
  maintenance_work_mem: '64MB',
} as const;

/**
 * Proves a backup: its files are as they were written, it restores without an error into an empty server of at least
 * its own major version, and rows, policies, grants and all the rest there are what they were at the dump's snapshot.
 * Records the outcome with the backup; only this makes it `verified`.
 * @throws AishaError (tool) when this machine has no server or pg_restore for it: then nothing is recorded
 */
export async function verifyByRestore(backup: StoredBackup, world: VerifyWorld): Promise<Verification> {
  const damage = await verifyFiles(backup, world.signal, world.progress);
  if (damage.length > 0) return recordDamage(backup, damage);
  const { manifest } = backup;
  const tools = toolsFor(Number.parseInt(manifest.pgDumpVersion, 10), world);
  world.info(`verifying ${manifest.id}: starting a scratch server`);
  return withContent(backup, world, async (opened) => {
    const server = await startServer(manifest, world);
    try {
      const verification = await restoreAndCompare(opened, server, tools, world);
      recordVerification(backup, verification);
      return verification;
    } catch (error) {
      throw isServerTrouble(error) ? scratchFailed(manifest, [messageOf(error)]) : error;
    } finally {
      await server.stop();
    }
  });
}

/** @throws AishaError (tool) when no server programs of at least the source's major version are found, or those given are not */
export function startServer({ server }: Manifest, { env, settings }: VerifyWorld): Promise<ScratchServer> {
  const user = chooseServerUser();
  const binaries = findServerBinaries({
    binDir: settings.serverBinDir,
    user,
    searchPath: env['PATH'],
    atLeast: server.major,
  });
  return startScratchServer({ tcp: false, superuser: 'aisha_scratch', binaries, settings: SCRATCH_SETTINGS });
}

async function restoreAndCompare(
  backup: StoredBackup,
  server: ScratchServer,
  tools: ClientTools,
  world: VerifyWorld,
): Promise<Verification> {
  const { manifest } = backup;
  const missing = await prepareServer(server, manifest, world.signal);
  const startedAt = performance.now();
  world.info(`verifying ${manifest.id}: restoring`);
  const { database, omissions, lack, failure } = await restoreAsFarAsPossible(backup, server, missing, tools, world);
  const restoreMs = Math.round(performance.now() - startedAt);
  if (failure.some(({ isFromOutside }) => isFromOutside)) {
    throw scratchFailed(
      manifest,
      failure.map(({ message }) => message),
    );
  }
  world.info(`verifying ${manifest.id}: comparing`);
  const target = scratchTarget(server, database);
  const differences =
    failure.length > 0
      ? failure
      : unexplained(await compareDatabase(target, backup, omissions, APPLICATION, world), lack, manifest.tables);
  return {
    manifestSha256: manifestHash(backup),
    verified: differences.length === 0,
    at: new Date().toISOString(),
    serverVersion: server.version,
    restoreMs,
    tables: manifest.tables.length,
    differences,
    notRestored: [
      ...describeOmissions(omissions),
      ...lack.excused.filter(({ kind }) => !AROUND.includes(kind)).map(describeRefused),
    ],
  };
}

/** What goes with another entry, which is named. */
const AROUND: readonly string[] = ['ACL', 'COMMENT', 'TABLE DATA', 'ROW SECURITY', 'SEQUENCE OWNED BY'];

function describeRefused({ kind, object, message }: RefusedEntry): string {
  return `${kind.toLowerCase()} ${object.replace(' ', '.')}: ${message}`;
}

interface Restored {
  readonly database: string;
  readonly omissions: Omissions;
  readonly lack: Lack;
  readonly failure: readonly RestoreFailure[];
}

/**
 * The first error is the end, unless extensions are missing: then everything is tried one by one, in another database,
 * to tell what needs them from what is wrong.
 * @throws AishaError (tool) when that cannot be told, or when rows cannot be restored without an extension
 */
async function restoreAsFarAsPossible(
  backup: StoredBackup,
  server: ScratchServer,
  missing: Omissions,
  tools: ClientTools,
  world: VerifyWorld,
): Promise<Restored> {
  const { manifest } = backup;
  const catalog = readStoredCatalog(backup);
  const restoreInto = async (
    database: string,
    run: Pick<RestoreRun, 'args' | 'onRefused'>,
  ): Promise<Pick<Restored, 'omissions' | 'failure'>> => {
    const target = scratchTarget(server, database);
    const omissions = await withReader(target, world.signal, (session) =>
      stubExtensions(session, manifest, catalog, missing),
    );
    const select = (list: string) => omitFromList(list, omissions);
    const label = 'verifying: restoring';
    const serverMajor = Number.parseInt(server.version, 10);
    const whole = { target, tools, serverMajor, applicationName: APPLICATION, select, label, ...run };
    return { omissions, failure: await runRestore(backup, whole, world) };
  };
  const jobs = [`--jobs=${availableParallelism()}`];
  const first = await restoreInto(DATABASE, { args: jobs });
  const isDecided = first.failure.length === 0 || first.failure.some(({ isFromOutside }) => isFromOutside);
  if (isDecided || missing.extensions.length === 0) return { database: DATABASE, lack: NO_LACK, ...first };
  world.info(`verifying ${manifest.id}: restoring once more, to tell what needs the extensions that are missing`);
  await withReader(scratchTarget(server, 'postgres'), world.signal, (session) =>
    makeDatabase(session, SECOND_DATABASE, manifest),
  );
  const refused: RefusedEntry[] = [];
  const second = await restoreInto(SECOND_DATABASE, { args: [], onRefused: (entry) => refused.push(entry) });
  const lack = lackOf(refused, catalog);
  const reasons = [
    ...second.failure.filter(({ isFromOutside }) => !isFromOutside).map(({ message }) => message),
    ...lack.unclear.map(describeRefused),
    ...rowsWithout(lack, manifest.tables),
  ];
  if (reasons.length > 0) throw cannotProve(manifest, missing, [...reasons, ...lack.excused.map(describeRefused)]);
  return { database: SECOND_DATABASE, lack, ...second };
}

const NO_LACK: Lack = { excused: [], unclear: [] };

function scratchTarget(server: ScratchServer, database: string): Target {
  return resolveTarget({ databaseUrl: server.url(database), env: {} });
}

/** Makes the roles and the empty database; finds out what of the backup cannot be restored here. */
export async function prepareServer(
  server: ScratchServer,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<Omissions> {
  return withReader(scratchTarget(server, 'postgres'), signal, async (session) => {
    const roles = rolesSql(manifest.roles, [server.user]);
    if (roles !== '') await session.client.query(roles);
    await makeDatabase(session, DATABASE, manifest);
    const available = await session.query<{ name: string }>('select name from pg_available_extensions');
    const names = new Set(available.map(({ name }) => name));
    const extensions = manifest.extensions.filter(({ name }) => !names.has(name));
    return { extensions, foreignKeys: manifest.danglingForeignKeys };
  });
}

/** Text is compared and hashed byte by byte: the order of a language plays no part in what is proved. */
async function makeDatabase(session: Session, name: string, { database }: Manifest): Promise<void> {
  await session.query(
    `create database ${quoteIdentifier(name)} template template0 encoding ${quoteLiteral(database.encoding)} lc_collate 'C' lc_ctype 'C'`,
  );
}

async function withReader<T>(target: Target, signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await openReader(target, APPLICATION, signal);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** A machine that fails says nothing about the backup, whose state stays as it was. */
function scratchFailed({ id }: Manifest, details: readonly string[]): AishaError {
  return new AishaError('backup', `${id} could not be proved: the scratch server failed`, {
    details,
    hint: 'It says nothing about the backup: look at the memory and the temporary disk of this machine (TMPDIR), then run again.',
  });
}

/** Whether the backup or the lack of the extension is to blame cannot be told, so nothing is held against the backup. */
function cannotProve({ id }: Manifest, { extensions }: Omissions, details: readonly string[]): AishaError {
  const names = extensions.map(({ name }) => name).join(', ');
  return new AishaError('tool', `${id} cannot be proved here: the scratch server has no extension ${names}`, {
    details,
    hint: 'Name a PostgreSQL server that has those extensions as backup.serverBinDir; the state of the backup stays what it was.',
  });
}
