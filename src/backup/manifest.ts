import { createHash } from 'node:crypto';
import { AishaError } from '../errors.ts';
import type { BackupClass } from './settings.ts';

/** The format of this file; another number means that this program cannot judge the backup. */
const SCHEMA = 'aisha-db/backup@1';

/** `full`: everything. `tables`: the whole schema and the rows of some tables. `schema`: no rows. */
export type BackupKind = 'full' | 'tables' | 'schema';

/** How rows were summed up: column by column; by older versions by the hash of the record's values, or of its text. */
export type FingerprintMethod = 'columns' | 'record' | 'text';

/** The rows of one table at the dump's snapshot. */
export interface TableContent {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  /** Sum of the hashes of all rows, as a decimal: the order of rows does not matter. */
  readonly fingerprint: string;
  readonly method: FingerprintMethod;
}

/** How large objects were summed up: in parts of 256 KiB; by older versions each as a whole. */
export type LargeObjectMethod = 'parts' | 'whole';

export interface LargeObjects {
  readonly count: number;
  readonly fingerprint: string;
  /** Absent in backups of older versions: `whole`. */
  readonly method?: LargeObjectMethod;
}

/** Sequences are outside of snapshots: a restored one must be at least here. */
export interface SequenceValue {
  readonly schema: string;
  readonly name: string;
  /** Decimal; `null` when it was never asked. */
  readonly lastValue: string | null;
  readonly increment: string;
}

/** A role that owns something in the backup or is granted something. Its password is in no backup. */
export interface RoleNeeded {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly login: boolean;
  readonly inherit: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  /** Roles of this list that it is a member of. */
  readonly memberOf: readonly string[];
}

export interface ExtensionUsed {
  readonly name: string;
  readonly version: string;
  readonly schema: string;
}

/** A foreign key, as the table of contents of a dump names it. */
export interface ForeignKey {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** Of the table. */
  readonly owner: string;
  /** What `CatalogEntry.name` is of it. */
  readonly catalogName: string;
}

/** Something that a reader could expect in the backup and will not find. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

export interface BackupFile {
  /** Relative to the backup's folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The last migration that the ledger knows, if there is a ledger. */
export interface LedgerHead {
  readonly file: string;
  readonly checksum: string;
  readonly applied: number;
}

export interface Manifest {
  readonly id: string;
  readonly class: BackupClass;
  readonly kind: BackupKind;
  /** When the snapshot was taken, by the server's clock (ISO 8601): what is newer is not in the backup. */
  readonly createdAt: string;
  readonly toolVersion: string;
  readonly pgDumpVersion: string;
  readonly format: 'directory' | 'custom';
  readonly jobs: number;
  /** Milliseconds of the dump and its encryption. */
  readonly dumpMs: number;
  readonly server: {
    readonly version: string;
    readonly major: number;
    readonly host: string;
    readonly port: number;
    /** Of initdb: the same for a server and its standbys; `null` where it may not be asked. */
    readonly systemIdentifier: string | null;
  };
  readonly database: {
    readonly name: string;
    readonly encoding: string;
    readonly collation: string;
    readonly ctype: string;
    /** Who the database belonged to; absent in backups of older versions. */
    readonly owner?: string;
  };
  /** Who dumped: what the role cannot see is not in the backup. */
  readonly role: { readonly name: string; readonly superuser: boolean; readonly bypassRls: boolean };
  readonly snapshot: { readonly id: string; readonly lsn: string };
  /** Bytes of heap and TOAST of the tables, for the estimate of the next backup. */
  readonly tableBytes: number;
  readonly tables: readonly TableContent[];
  readonly largeObjects: LargeObjects | null;
  readonly sequences: readonly SequenceValue[];
  readonly extensions: readonly ExtensionUsed[];
  readonly roles: readonly RoleNeeded[];
  readonly ledger: LedgerHead | null;
  /** Of the kind `tables`: they refer to tables whose rows are not here. */
  readonly danglingForeignKeys: readonly ForeignKey[];
  readonly excludedSchemas: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** How the files are encrypted, each by itself; absent when they can be read. The manifest always can. */
  readonly encryption?: { readonly format: 'age'; readonly recipients: readonly string[] } | undefined;
  /** Every file of the backup but the manifest. */
  readonly files: readonly BackupFile[];
}

/** The text of manifest.json: with the hash of its own content, so that a change of it is noticed. */
export function serializeManifest(manifest: Manifest): string {
  return `${JSON.stringify({ schema: SCHEMA, sha256: hashOf(manifest), ...manifest }, null, 2)}\n`;
}

/**
 * Reads a manifest and proves that it is as it was written.
 * @throws AishaError (backup) when it is not, or when it is of another version of the format
 */
export function parseManifest(text: string, path: string): Manifest {
  const { schema, sha256, ...manifest } = parseObject(text, path);
  if (schema !== SCHEMA) {
    throw new AishaError('backup', `${path} is of the format ${String(schema)}, which this version does not know`, {
      hint: 'Use the version of aisha-db that made the backup, or a newer one.',
    });
  }
  // All that this program wrote comes back in the same order.
  if (sha256 !== hashOf(manifest)) throw damaged(path, 'its content does not have the hash that it names');
  return manifest as unknown as Manifest;
}

/** The bytes of all files together. */
export function sizeOf({ files }: Manifest): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through: what is no JSON is damaged as well.
  }
  throw damaged(path, 'it is not a JSON object');
}

function damaged(path: string, reason: string): AishaError {
  return new AishaError('backup', `${path} is damaged: ${reason}`, {
    hint: 'The backup cannot be trusted: restore another one, and remove its folder when it is no longer needed.',
  });
}

function hashOf(manifest: object): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
