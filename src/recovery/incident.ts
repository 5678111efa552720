/** A table of the last backup and what it holds now. */
export interface TableLoss {
  readonly table: string;
  readonly rowsThen: number;
  /** `undefined`: the table is gone. */
  readonly rowsNow: number | undefined;
  /** The count is the planner's: counting took too long. */
  readonly estimated: boolean;
}

/** Rows that one transaction changed, as audit_log has them. */
export interface Burst {
  readonly action: string;
  readonly table: string;
  readonly by: string | null;
  /** When its transaction began: ISO 8601. */
  readonly at: string;
  readonly rows: number;
}

/** What the last good backup before the incident is. */
export interface BackupAtHand {
  readonly id: string;
  readonly at: string;
  readonly verified: boolean;
  /** Milliseconds that its restore took when it was proved. */
  readonly restoreMs: number | undefined;
}

/** A migration that was applied after the backup was taken. */
export interface MigrationSince {
  readonly file: string;
  readonly checksum: string;
  /** When it was applied: ISO 8601. */
  readonly at: string;
}

/** What is broken. */
export interface Assessment {
  readonly at: string;
  /** The database does not exist any more. */
  readonly isLost: boolean;
  readonly backup: BackupAtHand | undefined;
  readonly tables: readonly TableLoss[];
  /** Objects of the backup's catalog that are gone: policies, functions, indexes, ... */
  readonly missing: readonly string[];
  /** Objects that are other than in the backup. */
  readonly changed: readonly string[];
  readonly orphans: readonly { readonly relation: string; readonly rows: number }[];
  /** `undefined`: there is no audit_log that may be read. */
  readonly bursts: readonly Burst[] | undefined;
  readonly ledger: readonly string[];
  /** Migrations that a restored backup would not have, as the ledger names them. */
  readonly migrationsSince: readonly MigrationSince[];
  /** What could not be looked at. */
  readonly unknown: readonly string[];
}

/** Ways back, from what touches least to what touches most. */
export type Method =
  | 'audit-log'
  | 'missing-objects'
  | 'table-rows'
  | 'pitr'
  | 'backup'
  | 'backup-and-migrations'
  | 'wait';

export interface Way {
  readonly method: Method;
  readonly possible: boolean;
  /** It brings back everything that is known to be lost. */
  readonly sufficient: boolean;
  /** In words: `15 min (the manual)`, `12 s (measured)`. */
  readonly rto: string;
  readonly rpo: string;
  readonly note: string;
  readonly command: string;
}

export interface Choice {
  readonly at: string;
  readonly ways: readonly Way[];
  readonly recommended: Method | undefined;
  /** What the manual's step 2 says by the age of the incident. */
  readonly byTheManual: Method;
}

/** Something that was done about it. */
export interface Deed {
  readonly at: string;
  readonly method: string;
  readonly done: readonly string[];
  /** What could not be brought back. */
  readonly left: readonly string[];
}

/**
 * Something that was begun: kept before anything is written, so that the next run knows what a run that was killed has
 * done, whether or not it came to say so.
 */
export interface Underway {
  readonly method: Method | 'replay';
  readonly at: string;
  /** Identifier of the backup. */
  readonly backup?: string;
  /** What it is to bring back, in words. */
  readonly expected: readonly string[];
  /** Objects that were gone. */
  readonly missing?: readonly string[];
  /** Table whose rows are merged. */
  readonly table?: string;
  /** OID of the database that is to be replaced. */
  readonly databaseOid?: string;
}

export interface Verification {
  readonly at: string;
  readonly passed: boolean;
  readonly lines: readonly string[];
}

/** An incident as it is kept between the steps. */
export interface Incident {
  readonly id: string;
  readonly openedAt: string;
  /** When it happened, as far as it is known. */
  readonly happenedAt: string | undefined;
  readonly database: string;
  readonly pitr: boolean;
  readonly assessment: Assessment | undefined;
  readonly choice: Choice | undefined;
  readonly deeds: readonly Deed[];
  readonly underway?: Underway | undefined;
  readonly verification: Verification | undefined;
}

/** Tables that lost rows or are gone. */
export function losses({ tables }: Assessment): TableLoss[] {
  return tables.filter(({ rowsThen, rowsNow }) => rowsNow === undefined || rowsNow < rowsThen);
}

/**
 * Objects are other than they were, or gone without their table: no row that comes back mends that. What goes with a
 * dropped table comes back with it.
 */
export function isSchemaSpoilt({ missing, changed }: Assessment): boolean {
  const isTableGone = missing.some((object) => object.startsWith('table '));
  return changed.length > 0 || (!isTableGone && missing.length > 0);
}
