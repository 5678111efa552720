import type { MigrationSince } from './incident.ts';

/** A migration that is pending after a restore. */
interface ReplayFile {
  readonly file: string;
  /** `as before`: the spoilt database had it as it is; `mended`: with other content; `new`: it never had it. */
  readonly was: 'as before' | 'mended' | 'new';
}

export interface ReplayPlan {
  readonly files: readonly ReplayFile[];
  /** Files that were applied when it happened and are what they were then: they would do it again. */
  readonly suspects: readonly MigrationSince[];
  /** Migrations that the spoilt database had, and of which there is no file. */
  readonly lost: readonly MigrationSince[];
}

export interface ReplayQuestion {
  /** Files that a run would apply now, in order. */
  readonly pending: readonly { readonly file: string; readonly checksum: string | undefined }[];
  /** Every file that is there, pending or not. */
  readonly known: readonly string[];
  /** What the ledger of the spoilt database had since the backup. */
  readonly since: readonly MigrationSince[];
  /** Applied from then on (ISO 8601), a file may be what did it; when it is not known, every one may. */
  readonly suspectFrom: string | undefined;
  /** Files that are said to be innocent. */
  readonly include: readonly string[];
}

/** What is replayed on a restored backup (the manual, 8.5: "manual backup + migration replay"), and what stands against it. */
export function planReplay({ pending, known, since, suspectFrom, include }: ReplayQuestion): ReplayPlan {
  const before = new Map(since.map((migration) => [migration.file, migration]));
  const isRecent = ({ at }: MigrationSince) => suspectFrom === undefined || Date.parse(at) >= Date.parse(suspectFrom);
  return {
    files: pending.map(({ file, checksum }) => {
      const then = before.get(file);
      return { file, was: then === undefined ? 'new' : then.checksum === checksum ? 'as before' : 'mended' };
    }),
    suspects: pending.flatMap(({ file, checksum }) => {
      const then = before.get(file);
      const isSame = then !== undefined && then.checksum === checksum;
      return isSame && isRecent(then) && !include.includes(file) ? [then] : [];
    }),
    lost: since.filter(({ file }) => !known.includes(file)),
  };
}
