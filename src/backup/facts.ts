import type { ExtensionUsed, ForeignKey, LedgerHead, RoleNeeded, SequenceValue } from './manifest.ts';

/** A table, sequence or other relation that pg_dump would read. */
export interface RelationFact {
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind`: r table, p partitioned table, S sequence, f foreign table, m materialized view. */
  readonly kind: 'r' | 'p' | 'S' | 'f' | 'm';
  /** Heap and TOAST, without indexes. */
  readonly bytes: number;
  /** Rows by the last ANALYZE; 0 when there was none. */
  readonly estimatedRows: number;
  readonly canSelect: boolean;
  /** Row-level security would hide rows from the role that dumps. */
  readonly isFiltered: boolean;
  readonly isForced: boolean;
  readonly isOwned: boolean;
  readonly owner: string;
}

/** Another session that matters to a dump. */
export interface OtherSession {
  /** `null` for a prepared transaction, which has no session any more. */
  readonly pid: number | null;
  readonly role: string | null;
  readonly application: string | null;
  /** When its transaction began. */
  readonly since: string | null;
  /** Tables that it has locked. */
  readonly relations: readonly string[];
}

/** What the server said about the database at the snapshot. */
export interface DatabaseFacts {
  readonly serverVersion: string;
  readonly serverMajor: number;
  readonly systemIdentifier: string | null;
  readonly database: string;
  readonly encoding: string;
  readonly collation: string;
  readonly ctype: string;
  /** Of the database. */
  readonly owner: string;
  readonly role: { readonly name: string; readonly superuser: boolean; readonly bypassRls: boolean };
  /** Start of the transaction, ISO 8601. */
  readonly now: string;
  readonly lsn: string;
  readonly relations: readonly RelationFact[];
  readonly sequences: readonly SequenceValue[];
  readonly extensions: readonly ExtensionUsed[];
  readonly roles: readonly RoleNeeded[];
  readonly largeObjects: { readonly count: number; readonly unreadable: number };
  readonly invalidIndexes: readonly string[];
  readonly foreignKeys: readonly (ForeignKey & {
    readonly refersTo: { readonly schema: string; readonly name: string };
  })[];
  readonly subscriptions: number;
  readonly ledger: LedgerHead | null;
  /** Other runs of pg_dump in the same database. */
  readonly otherDumps: readonly OtherSession[];
}
