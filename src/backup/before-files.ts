import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { counted, quantity } from '../report/quantity.ts';
import { type BackupWorld, createBackup, previewBackup, sessionName } from './create.ts';
import { endSessions } from './leftovers.ts';
import type { BackupPreview, BackupRequest } from './plan.ts';
import { checkProofKey } from './sealed-files.ts';
import { openReader } from './snapshot-session.ts';
import type { StoredBackup } from './store.ts';

/**
 * Takes a backup before files change the database, proves it if that class is proved at once, and sees to it that no
 * session of it is left when the first file runs.
 * @returns its identifier
 * @throws AishaError of the kind of what failed (backup, lock, tool, connection); nothing has been applied then
 */
export async function backUpBeforeFiles(target: Target, world: BackupWorld): Promise<string> {
  world.info('backing up before the first file (--no-backup runs without)');
  try {
    if (isProved(world)) await checkProofKey(world.settings);
    const backup = await createBackup(requestOf(world), target, world);
    const { id, tables } = backup.manifest;
    const proof = isProved(world) ? await prove(backup, world) : 'not proved';
    await awaitEnd(target, id, world);
    world.info(`backup ${id}: ${counted(tables.length, 'table')}, ${quantity(backup.bytes, 'bytes')}, ${proof}`);
    return id;
  } catch (error) {
    throw error instanceof AishaError && error.kind !== 'interrupted' ? notSaved(error) : error;
  }
}

/** What would be taken, and what stands against it. */
export async function previewBeforeFiles(target: Target, world: BackupWorld): Promise<BackupPreview> {
  if (isProved(world)) await checkProofKey(world.settings);
  return previewBackup(requestOf(world), target, world);
}

function isProved({ settings }: BackupWorld): boolean {
  return settings.proveAtOnce.includes('pre-migration');
}

function requestOf({ settings }: BackupWorld): BackupRequest {
  const { excludeSchemas, jobs } = settings;
  return { class: 'pre-migration', kind: 'full', tables: [], excludeSchemas, jobs, format: undefined };
}

async function prove(backup: StoredBackup, world: BackupWorld): Promise<string> {
  const { verifyBackups } = await import('./verify-all.ts');
  const { error, verifications } = await verifyBackups([backup], true, world);
  if (error !== undefined) throw error;
  return `proved by a restore of ${formatDuration(verifications[0]?.restoreMs ?? 0)}`;
}

/** Milliseconds that the server is given to notice that a client has gone. */
const GRACE_MS = 10_000;
const POLL_MS = 50;

/** A closed connection ends its session a moment later; until then it may hold locks that the first file needs. */
async function awaitEnd(target: Target, id: string, { signal }: BackupWorld): Promise<void> {
  const session = await openReader(target, 'aisha-db migrate', signal);
  try {
    const deadline = Date.now() + GRACE_MS;
    for (; (await countSessions(session, sessionName(id))) > 0; await sleep(POLL_MS)) {
      signal.throwIfAborted();
      if (Date.now() >= deadline) await endSessions(session, sessionName(id), []);
    }
  } finally {
    await session.close();
  }
}

async function countSessions(session: Session, applicationName: string): Promise<number> {
  const [row] = await session.query<{ count: number }>(
    'select count(*)::integer as count from pg_catalog.pg_stat_activity where application_name = $1',
    [applicationName],
  );
  return row!.count;
}

function notSaved({ kind, message, details, hint, cause }: AishaError): AishaError {
  return new AishaError(kind, `nothing was applied, because the backup before it failed: ${message}`, {
    details,
    hint: `${hint ?? 'Mend it and run again.'} --no-backup runs without a backup, and so does backup.beforeMigrate: false in the configuration.`,
    cause,
  });
}
