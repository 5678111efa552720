import { availableParallelism } from 'node:os';
import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { type ScratchServer, startScratchServer } from '../postgres/scratch-server.ts';
import { findServerBinaries } from '../postgres/server-binaries.ts';
import { isServerTrouble } from '../postgres/server-error.ts';
import { chooseServerUser } from '../postgres/server-user.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import type { Difference } from './compare.ts';
import { compareDatabase } from './compare-restored.ts';
import { type Omissions, omitFromList } from './contents-list.ts';
import { type BackupWorld, toolsFor } from './create.ts';
import type { Manifest } from './manifest.ts';
import { runRestore } from './pg-restore.ts';
import { rolesSql } from './scratch-roles.ts';
import { withContent } from './sealed-files.ts';
import { openReader } from './snapshot-session.ts';
import { manifestHash, recordVerification, type StoredBackup, type Verification } from './store.ts';
import { recordDamage, verifyFiles } from './verify.ts';

/** What a verification needs of the run it is part of. */
export type VerifyWorld = Pick<BackupWorld, 'store' | 'settings' | 'env' | 'signal' | 'info' | 'progress'>;

/** Name of the restored database on the scratch server, which is nobody else's. */
export const DATABASE = 'restored';

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
  const omissions = await prepareServer(server, manifest, world.signal);
  const target = scratchTarget(server, DATABASE);
  const startedAt = performance.now();
  world.info(`verifying ${manifest.id}: restoring`);
  const failure = await runRestore(
    backup,
    {
      target,
      tools,
      applicationName: APPLICATION,
      args: [`--jobs=${availableParallelism()}`],
      select: (list) => omitFromList(list, omissions),
      label: 'verifying: restoring',
    },
    world,
  );
  const restoreMs = Math.round(performance.now() - startedAt);
  if (failure.some(({ isFromOutside }) => isFromOutside)) {
    throw scratchFailed(
      manifest,
      failure.map(({ message }) => message),
    );
  }
  if (failure.length > 0 && omissions.extensions.length > 0) throw cannotProve(manifest, omissions, failure);
  world.info(`verifying ${manifest.id}: comparing`);
  const differences =
    failure.length > 0 ? failure : await compareDatabase(target, backup, omissions, APPLICATION, world);
  return {
    manifestSha256: manifestHash(backup),
    verified: differences.length === 0,
    at: new Date().toISOString(),
    serverVersion: server.version,
    restoreMs,
    tables: manifest.tables.length,
    differences,
    notRestored: [
      ...omissions.extensions.map(({ name }) => `extension ${name}, which the scratch server does not have`),
      ...omissions.foreignKeys.map(({ name }) => `foreign key ${name}, whose other table has no rows in the backup`),
    ],
  };
}

function scratchTarget(server: ScratchServer, database: string): Target {
  return resolveTarget({ databaseUrl: server.url(database), env: {} });
}

/** Makes the roles and the empty database; finds out what of the backup cannot be restored here. */
export async function prepareServer(
  server: ScratchServer,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<Omissions> {
  const session = await openReader(scratchTarget(server, 'postgres'), APPLICATION, signal);
  try {
    const roles = rolesSql(manifest.roles, [server.user]);
    if (roles !== '') await session.client.query(roles);
    // Text is compared and hashed byte by byte: the order of a language plays no part in what is proved.
    await session.query(
      `create database ${quoteIdentifier(DATABASE)} template template0 encoding ${quoteLiteral(manifest.database.encoding)} lc_collate 'C' lc_ctype 'C'`,
    );
    const available = await session.query<{ name: string }>('select name from pg_available_extensions');
    const names = new Set(available.map(({ name }) => name));
    const extensions = manifest.extensions.filter(({ name }) => !names.has(name));
    return { extensions, foreignKeys: manifest.danglingForeignKeys };
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
function cannotProve({ id }: Manifest, { extensions }: Omissions, failure: readonly Difference[]): AishaError {
  const names = extensions.map(({ name }) => name).join(', ');
  return new AishaError('tool', `${id} cannot be proved here: the scratch server has no extension ${names}`, {
    details: failure.map(({ message }) => message),
    hint: 'Install a PostgreSQL server with those extensions on this machine.',
  });
}
