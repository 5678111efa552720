import { join, resolve } from 'node:path';
import type { BackupWorld } from '../backup/create.ts';
import type { ReportedBackup } from '../backup/report.ts';
import type { StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { runHooks } from './migration.ts';
import { version } from './version.ts';

/** The folder of the backups. */
export function storeFolder({ config }: Context): string {
  return config.backup.store ?? join(config.stateDir, 'backups');
}

/** What a backup needs of a run, whatever its target. */
export function localBackupWorld(context: Context): Omit<BackupWorld, 'connected'> {
  const { config, env, signal, talk } = context;
  return {
    store: storeFolder(context),
    settings: config.backup,
    ledger: config.ledger,
    toolVersion: version(),
    env,
    signal,
    info: (line) => talk.info(line),
    warn: (line) => talk.warn(line),
    progress: (progress) => talk.progress(progress),
  };
}

/** The same, with a target to tell of. */
export function backupWorld(context: Context, target: Target): BackupWorld {
  return { ...localBackupWorld(context), connected: runHooks(context, target).connected };
}

/** The same with what the command line says about encryption. */
export function withKeys<T extends Pick<BackupWorld, 'settings'>>(
  world: T,
  { cwd }: Context,
  { encrypt, identity }: Readonly<Record<string, unknown>>,
): T {
  const settings = {
    ...world.settings,
    ...(typeof encrypt === 'boolean' ? { encrypt } : {}),
    ...(typeof identity === 'string' ? { identityFile: resolve(cwd, identity) } : {}),
  };
  return { ...world, settings };
}

/** A backup as reports tell of it. */
export function reported({ manifest, state, path, pinned, verification }: StoredBackup): ReportedBackup {
  const proof = verification?.verified === true ? verification : undefined;
  return {
    manifest,
    state,
    path,
    pinned,
    verifiedAt: proof?.at ?? null,
    restoreMs: proof?.restoreMs ?? null,
  };
}

/** @throws AishaError (usage) for what is no number of connections */
export function readJobs(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 32) return jobs;
  throw new AishaError('usage', `--jobs "${String(text)}" is not a number from 1 to 32`, {
    hint: 'Each is a connection; the number of CPUs of the server is a good one.',
  });
}
