/** The kinds of backups of the manual (8.1, 10.1), from the one that is lost first. */
export const BACKUP_CLASSES = ['on-demand', 'pre-migration', 'daily', 'weekly', 'quarterly'] as const;
export type BackupClass = (typeof BACKUP_CLASSES)[number];

/** Days that a backup of each class is kept; `null` keeps it until somebody removes it. */
export type KeepDays = Readonly<Record<BackupClass, number | null>>;

/** The manual's own (8.1): daily is 30 days on the Pro tier. */
export const DEFAULT_KEEP_DAYS: KeepDays = {
  'on-demand': 7,
  'pre-migration': 7,
  daily: 7,
  weekly: 28,
  quarterly: null,
};

/** Classes that are proved by a restore at once, unless told otherwise: nobody looks at them until they must. */
export const DEFAULT_PROVE_AT_ONCE: readonly BackupClass[] = ['pre-migration', 'weekly'];

/** Milliseconds that the newest backup of each class may be old; `null` for a class that nobody waits for. */
export type MaxAge = Readonly<Record<BackupClass, number | null>>;

const HOUR = 3_600_000;

/** The frequencies of the manual (8.1, 10.1), and the time that a backup may be late and take. */
export const DEFAULT_MAX_AGE: MaxAge = {
  'on-demand': null,
  'pre-migration': null,
  daily: 26 * HOUR,
  weekly: 8 * 24 * HOUR,
  quarterly: 95 * 24 * HOUR,
};

/** The level of pg_dump itself is 6: this one takes half its time and makes a dump a few per cent larger. */
export const DEFAULT_COMPRESSION = 3;

/** Proofs come with the weekly backups. */
export const DEFAULT_MAX_PROOF_AGE_MS = 8 * 24 * HOUR;

/** The block `backup` of the configuration, resolved (docs/configuration.md). */
export interface BackupSettings {
  /** Folder of the backups; `undefined` means `backups` inside the state folder. */
  readonly store: string | undefined;
  /** Folder of pg_dump and pg_restore, in place of looking for them. */
  readonly binDir: string | undefined;
  /** Folder of initdb and postgres for scratch servers, in place of looking for them. */
  readonly serverBinDir: string | undefined;
  /** Parallel connections of a dump; `undefined` leaves it to the plan. */
  readonly jobs: number | undefined;
  /** Milliseconds to wait for the lock on one table; 0 waits for ever. */
  readonly lockWaitMs: number;
  /** Milliseconds without any progress after which a dump is ended; 0 is no limit. */
  readonly idleTimeoutMs: number;
  /** Schemas that are left out, and listed as left out. */
  readonly excludeSchemas: readonly string[];
  readonly keepDays: KeepDays;
  /** Take one before files are applied or rolled back; never asked for a private server. */
  readonly beforeMigrate: boolean;
  /** Classes that are proved by a restore as soon as they are taken. */
  readonly proveAtOnce: readonly BackupClass[];
  readonly maxAge: MaxAge;
  /** Milliseconds that the newest verified backup may be old; 0 is no limit. */
  readonly maxProofAgeMs: number;
  /** Level of the dump's compression by gzip: 0 is none, 9 the smallest. */
  readonly compression: number;
  /** Encrypt every backup in the store. */
  readonly encrypt: boolean;
  /** Public keys of age (`age1...`): whoever has the identity of one of them can read the backups. */
  readonly recipients: readonly string[];
  /** File with the identities of age (`AGE-SECRET-KEY-1...`) that open backups. */
  readonly identityFile: string | undefined;
  /** External storage of copies. */
  readonly remote: RemoteSettings;
}

/** An S3-compatible storage, its credentials apart; what is absent is left to the SDK. */
export interface RemoteSettings {
  /** `s3://bucket/folder`. */
  readonly url: string | undefined;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** The bucket in the path in place of the host name: what most servers but Amazon's want. */
  readonly forcePathStyle: boolean;
  /** Public keys of age (`age1...`) that copies are encrypted for; by default those of backups. */
  readonly recipients: readonly string[];
  /** File with the identities of age (`AGE-SECRET-KEY-1...`) that open copies; by default that of backups. */
  readonly identityFile: string | undefined;
}
