import { join } from 'node:path';
import type { BackupWorld } from '../backup/create.ts';
import type { ReportedBackup } from '../backup/report.ts';
import type { StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
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
  };
}

/** The same, with a target to tell of. */
export function backupWorld(context: Context, target: Target): BackupWorld {
  return { ...localBackupWorld(context), connected: runHooks(context, target).connected };
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
