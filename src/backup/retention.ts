import { groupBy } from '../group-by.ts';
import type { BackupClass, KeepDays } from './settings.ts';

/** `verified`: restored and compared. `unverified`: complete by its hashes. `suspect`: a verification failed. */
export type BackupState = 'verified' | 'unverified' | 'suspect';

/** A backup as retention sees it. Names and file times play no part. */
export interface RetainedBackup {
  readonly id: string;
  /** Whatever tells one database from another. */
  readonly database: string;
  readonly class: BackupClass;
  readonly state: BackupState;
  /** Milliseconds since 1970, from the manifest: the server's clock at the snapshot. */
  readonly createdAt: number;
  readonly pinned: boolean;
  /** Being verified, restored or copied right now. */
  readonly inUse: boolean;
}

export interface PruneDecision {
  readonly id: string;
  readonly delete: boolean;
  readonly reason: string;
}

const DAY = 86_400_000;

/**
 * Decides about each backup, in the given order. Age is counted up to the newest good backup of the same database and
 * never to a later moment: when backups stop coming, nothing more is deleted. Nothing at all is deleted of a database
 * whose newest backup failed, or while the clock shows an earlier time than its newest backup.
 * @param failed databases whose last attempt to back up failed
 */
export function planPrune(
  backups: readonly RetainedBackup[],
  failed: ReadonlySet<string>,
  keepDays: KeepDays,
  now: number,
): PruneDecision[] {
  const databases = groupBy(backups, ({ database }) => database);
  const outlooks = new Map([...databases].map(([name, own]) => [name, outlookOf(own, failed.has(name), now)]));
  return backups.map((backup) => decide(backup, outlooks.get(backup.database)!, keepDays));
}

/** When a backup of that class may go at the earliest; `undefined` for one that is kept. */
export function expiryOf(createdAt: number, backupClass: BackupClass, keepDays: KeepDays): number | undefined {
  const days = keepDays[backupClass];
  return days === null ? undefined : createdAt + days * DAY;
}

/** What holds for all backups of one database. */
interface Outlook {
  /** Why none of them may go. */
  readonly obstacle: string | undefined;
  /** The moment up to which age is counted. */
  readonly until: number;
  /** The newest verified one of each class. */
  readonly lastVerified: ReadonlySet<string>;
}

function outlookOf(backups: readonly RetainedBackup[], hasFailed: boolean, now: number): Outlook {
  const ordered = [...backups].sort((a, b) => a.createdAt - b.createdAt);
  const newest = ordered.at(-1)!;
  const newestGood = ordered.findLast(({ state }) => state !== 'suspect');
  const verified = ordered.filter(({ state }) => state === 'verified');
  const lastOfClass = new Map(verified.map((backup) => [backup.class, backup.id]));
  return {
    obstacle: obstacleTo(newest, hasFailed, now),
    until: Math.min(now, newestGood?.createdAt ?? Number.NEGATIVE_INFINITY),
    lastVerified: new Set(lastOfClass.values()),
  };
}

function obstacleTo(newest: RetainedBackup, hasFailed: boolean, now: number): string | undefined {
  if (now < newest.createdAt) return 'the clock is earlier than the newest backup';
  if (newest.state === 'suspect') return 'the newest backup failed its verification';
  if (hasFailed) return 'the last attempt to back up failed';
  return undefined;
}

function decide(backup: RetainedBackup, outlook: Outlook, keepDays: KeepDays): PruneDecision {
  const keep = (reason: string): PruneDecision => ({ id: backup.id, delete: false, reason });
  if (backup.pinned) return keep('pinned');
  if (backup.inUse) return keep('in use');
  const expiry = expiryOf(backup.createdAt, backup.class, keepDays);
  if (expiry === undefined) return keep(`${backup.class} backups are kept`);
  if (expiry > outlook.until) return keep(`kept for ${keepDays[backup.class]} days`);
  if (outlook.lastVerified.has(backup.id)) return keep(`the last verified ${backup.class} backup`);
  if (outlook.obstacle !== undefined) return keep(outlook.obstacle);
  return { id: backup.id, delete: true, reason: `older than ${keepDays[backup.class]} days` };
}
