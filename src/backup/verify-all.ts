import { formatDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { ReportTable } from '../report/report.ts';
import { listTable } from './restore-report.ts';
import { type StoredBackup, type Verification, whileInUse } from './store.ts';
import { recordDamage, verifyFiles } from './verify.ts';
import { type VerifyWorld, verifyByRestore } from './verify-restore.ts';

/** What became of the backups that were verified. */
export interface Verified {
  /** As they are now. */
  readonly backups: readonly StoredBackup[];
  /** Of those whose state was decided: by a restore, or by damage. */
  readonly verifications: readonly (Verification & { readonly id: string })[];
  readonly text: string;
  /** What this machine could not restore as it was, by its names. */
  readonly tables: readonly ReportTable[];
  readonly error: AishaError | undefined;
}

/**
 * Verifies backups one after the other: every byte, and with `byRestore` everything by a restore. One that fails does
 * not keep the others from being looked at.
 * @throws AishaError (tool) when this machine lacks what a restore needs
 */
export async function verifyBackups(
  backups: readonly StoredBackup[],
  byRestore: boolean,
  world: VerifyWorld,
): Promise<Verified> {
  const after: StoredBackup[] = [];
  const verifications: (Verification & { id: string })[] = [];
  for (const backup of backups) {
    const verification = await whileInUse(world.store, backup, () =>
      byRestore ? verifyByRestore(backup, world) : rehash(backup, world),
    );
    after.push(verification === undefined ? backup : withOutcome(backup, verification));
    if (verification !== undefined) verifications.push({ id: backup.manifest.id, ...verification });
  }
  const failed = verifications.filter(({ verified }) => !verified);
  return {
    backups: after,
    verifications,
    text: describe(backups.length, failed.length, verifications, byRestore),
    tables: listTable('Not compared here', notCompared(verifications)),
    error: failed.length === 0 ? undefined : notVerified(failed),
  };
}

async function rehash(backup: StoredBackup, world: VerifyWorld): Promise<Verification | undefined> {
  world.info(`reading ${backup.manifest.id}: ${quantity(backup.bytes, 'bytes')}`);
  const differences = await verifyFiles(backup, world.signal, world.progress);
  return differences.length === 0 ? undefined : recordDamage(backup, differences);
}

function withOutcome(backup: StoredBackup, verification: Verification): StoredBackup {
  return { ...backup, verification, state: verification.verified ? 'verified' : 'suspect' };
}

function describe(count: number, failed: number, verifications: readonly Verification[], byRestore: boolean): string {
  const good = `${quantity(count - failed)} of ${counted(count, 'backup')}`;
  if (!byRestore) return `${good} are as they were written; only a restore proves them: --restore`;
  const ms = verifications.reduce((sum, { restoreMs }) => sum + (restoreMs ?? 0), 0);
  const missing = notCompared(verifications).length;
  const without = missing === 0 ? '' : `, but for ${counted(missing, 'thing')} named below`;
  return `${good} were restored in ${formatDuration(ms)} and are what they were at their snapshot${without}`;
}

function notCompared(verifications: readonly Verification[]): string[] {
  return [...new Set(verifications.flatMap(({ notRestored }) => notRestored))];
}

function notVerified(failed: Verified['verifications']): AishaError {
  const names = failed.map(({ id }) => id).join(', ');
  return new AishaError('backup', `not what ${failed.length === 1 ? 'it was' : 'they were'}: ${names}`, {
    details: failed.flatMap(({ id, differences }) =>
      differences.map(({ object, message }) => `${id}: ${object} ${message}`),
    ),
    hint: 'A suspect backup is never counted as good: take another one, and find out what changed its files.',
  });
}
