import { AishaError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Target } from '../postgres/target.ts';
import { compareDatabase } from './compare-restored.ts';
import { type BackupWorld, createBackup } from './create.ts';
import { previewReplace, type ReplaceOptions, replaceContent } from './replace-content.ts';
import { openAdmin, type RestoreOutcome, targetOf } from './restore.ts';
import { refusal } from './restore-report.ts';
import { checkProofKey, withContent } from './sealed-files.ts';
import type { StoredBackup } from './store.ts';
import { restoreAndSwap, type SwapOptions, type SwapOutcome } from './swap.ts';
import { verifyByRestore } from './verify-restore.ts';

export interface InPlaceOutcome extends SwapOutcome {
  /** Identifier of the backup of what was there before: proved by a restore. */
  readonly safety: string;
  /** The old database is gone, since the safety backup is equal to it. */
  readonly dropped: boolean;
}

/** What a restore in place made without a second database. */
export interface ReplaceOutcome {
  readonly restored: RestoreOutcome;
  /** Identifier of the backup of what was there before: proved by a restore. */
  readonly safety: string;
}

/**
 * The same where no second database may be made: in one transaction, after the same safety backup.
 * @throws AishaError as `createBackup`, `verifyByRestore` and `replaceContent` do
 */
export async function restoreWithin(
  backup: StoredBackup,
  target: Target,
  world: BackupWorld,
  options: ReplaceOptions,
): Promise<ReplaceOutcome> {
  await previewReplace(backup, target, world, options).then(({ plan: { problems } }) => {
    if (problems.length > 0) throw refusal(problems, 'nothing was restored');
  });
  const safety = await takeSafetyBackup(target, world, backup.manifest.excludedSchemas);
  return { restored: await replaceContent(backup, safety, target, world, options), safety: safety.manifest.id };
}

/**
 * Restores a backup in the place of the database and keeps no second one: what was there is backed up first, and that
 * backup is proved by a restore before anything is touched. The old database only goes when it is still equal to that
 * backup; if somebody has written to it meanwhile, it stays.
 * @throws AishaError as `createBackup`, `verifyByRestore` and `restoreAndSwap` do
 */
export async function restoreInPlace(
  backup: StoredBackup,
  target: Target,
  world: BackupWorld,
  options: SwapOptions,
): Promise<InPlaceOutcome> {
  const safety = await takeSafetyBackup(target, world, []);
  const swapped = await restoreAndSwap(backup, target, world, options);
  world.info(`comparing ${swapped.names.kept} with ${safety.manifest.id}`);
  const old = targetOf(target, swapped.names.kept);
  const none = { extensions: [], foreignKeys: [] };
  const differences = await withContent(
    safety,
    world,
    (opened) => compareDatabase(old, opened, none, 'aisha-db restore swap', world),
    'catalog',
  );
  const dropped = differences.length === 0;
  if (dropped) await drop(old, world.signal);
  else world.warn(`warning: ${old.database} was written to after ${safety.manifest.id}: it stays`);
  return { ...swapped, safety: safety.manifest.id, dropped };
}

/** @param excludeSchemas what is left alone need not be saved, and may not be readable */
async function takeSafetyBackup(
  target: Target,
  world: BackupWorld,
  excludeSchemas: readonly string[],
): Promise<StoredBackup> {
  await checkProofKey(world.settings);
  world.info(`backing up ${target.database} as it is now`);
  const request = {
    class: 'on-demand',
    kind: 'full',
    tables: [],
    excludeSchemas,
    jobs: world.settings.jobs,
    format: undefined,
  } as const;
  const safety = await createBackup(request, target, world);
  const { verified, differences } = await verifyByRestore(safety, world);
  if (verified) return safety;
  throw new AishaError('backup', `${safety.manifest.id}, of what is there now, could not be proved`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Nothing was touched. Use --swap, which keeps the database itself.',
  });
}

async function drop(target: Target, signal: AbortSignal): Promise<void> {
  const admin = await openAdmin(target, [], 'aisha-db restore swap', signal);
  try {
    await admin.query(`drop database ${quoteIdentifier(target.database)}`);
  } finally {
    await admin.close();
  }
}
