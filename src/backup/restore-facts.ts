/** A role of the server that is restored to. */
export interface ServerRole {
  readonly name: string;
  /** Whether whoever restores may give things to it. */
  readonly isMember: boolean;
}

/** An extension that the server could make. */
export interface AvailableExtension {
  readonly name: string;
  /** Versions it could be made in. */
  readonly versions: readonly string[];
  /** Whether whoever restores may make it. */
  readonly mayCreate: boolean;
}

/** A database that lies where something is to be restored to. */
export interface ExistingDatabase {
  readonly encoding: string;
  readonly isOwned: boolean;
  /** What COMMENT ON DATABASE says: our own mark on what a restore has made. */
  readonly comment: string | null;
  /** The first things in it that no empty database has. */
  readonly content: readonly string[];
  /** Sessions of a restore that still runs into it. */
  readonly restoring: readonly string[];
}

/** What a server says before something is restored to it. */
export interface RestoreFacts {
  readonly serverVersion: string;
  readonly serverMajor: number;
  /** Whose the schema public of a new database is: until 14 the first superuser's, who cannot be given anything. */
  readonly publicOwner: string;
  readonly role: {
    readonly name: string;
    readonly superuser: boolean;
    readonly bypassRls: boolean;
    readonly createRole: boolean;
    readonly createDatabase: boolean;
  };
  readonly roles: readonly ServerRole[];
  readonly extensions: readonly AvailableExtension[];
  /** `undefined` when there is none of that name. */
  readonly database: ExistingDatabase | undefined;
}
