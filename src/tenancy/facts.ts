import type { Call } from './expression.ts';
import type { Membership } from './membership.ts';
import type { Tenants } from './samples.ts';

// What the catalog says about tenants: plain values. Reading them is read-facts.ts; judging them is findings/.

/** OID of the pseudo-role PUBLIC in access lists and policies (PostgreSQL docs 53.41 pg_policy.polroles). */
export const PUBLIC = 0;

export const COMMANDS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
export type Command = (typeof COMMANDS)[number];

/** Table privileges (PostgreSQL docs 5.8); MAINTAIN from 17 on. */
export type Privilege = Command | 'TRUNCATE' | 'REFERENCES' | 'TRIGGER' | 'MAINTAIN' | 'USAGE';

export interface RoleFacts {
  readonly oid: number;
  readonly name: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly login: boolean;
  /** Roles it is a member of itself and may become: since 16 a membership may leave that out. */
  readonly memberOf: readonly number[];
  /** Roles it has the privileges of, itself included, through any chain of inherited memberships. */
  readonly inherits: ReadonlySet<number>;
  /** Roles it can become with SET ROLE, itself included. */
  readonly canBecome: ReadonlySet<number>;
}

/** Grantee (PUBLIC is 0) to what it may do. */
export type Grants = ReadonlyMap<number, ReadonlySet<Privilege>>;

/** Something with a schema and a name. */
export interface Named {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

export interface Relation extends Named {
  readonly owner: number;
  readonly grants: Grants;
  /** False for what is only looked at because something in scope depends on it. */
  readonly inScope: boolean;
}

export interface ColumnFacts {
  readonly number: number;
  readonly name: string;
  /** As a cast writes it: `uuid`, `character varying(20)`, `app."Kind"`. */
  readonly type: string;
  /** `pg_type.typcategory`, X for a domain: S string, N number, B boolean, E enumeration, … */
  readonly category: string;
  readonly notNull: boolean;
}

export interface PolicyFacts {
  readonly oid: number;
  readonly name: string;
  readonly command: Command | 'ALL';
  readonly permissive: boolean;
  /** PUBLIC is 0. */
  readonly roles: readonly number[];
  /** Keys of `PolicyClass.expressions`; without a check, rows that are written are held against `using`. */
  readonly using: string | undefined;
  readonly check: string | undefined;
  /** SQL of both, where it is needed to mend the policy. */
  readonly texts: { readonly using: string | undefined; readonly check: string | undefined } | undefined;
  /** Columns of its table that it reads, by number, from pg_depend. */
  readonly columns: readonly number[];
  /** Other relations that it reads, by OID. */
  readonly relations: readonly number[];
  /** Nothing but the server's own functions over columns of its table: what it answers depends on nothing else. */
  readonly isPlain: boolean;
  /** It looks at other relations, itself or through a function. */
  readonly looksUp: boolean;
}

export interface IndexFacts {
  readonly oid: number;
  readonly name: string;
  readonly schema: string;
  readonly method: string;
  /** Columns by number in their order; 0 is an expression. INCLUDE columns are left out. */
  readonly columns: readonly number[];
  /** Valid and complete. */
  readonly usable: boolean;
  /** It leaves out rows for more than a NULL in its first column. */
  readonly partial: boolean;
  readonly unique: boolean;
  /** Why no search below a policy can use it: operators and functions that are not LEAKPROOF. Empty when one can. */
  readonly leaky: readonly string[];
  /** What follows USING in its definition, `btree (lower(email))`; known where some column of it may leak. */
  readonly definition: string | undefined;
}

export interface ForeignKeyFacts {
  readonly name: string;
  readonly table: number;
  readonly columns: readonly number[];
  readonly columnNames: readonly string[];
  readonly target: number;
  readonly targetColumns: readonly number[];
  readonly targetColumnNames: readonly string[];
  /** What follows the key in SQL: `on delete cascade`. */
  readonly actions: string;
  /** It may be checked when the transaction ends. */
  readonly deferrable: boolean;
}

/** Whose rows are that have no tenant's column: those of the tenant of the row that they refer to. */
export interface Lineage {
  /** The column that refers; of a key of several, the one that says most. */
  readonly column: ColumnFacts;
  /** All columns of its key, which say it together only. */
  readonly columns: readonly ColumnFacts[];
  /** The keys that lead to the tenant, that of `column` first. */
  readonly keys: readonly ForeignKeyFacts[];
  /** The tenant's column of the table where they end. */
  readonly tenantColumn: ColumnFacts;
}

export interface TableFacts extends Relation {
  readonly kind: 'table' | 'partitioned' | 'foreign';
  /** Tables whose rows it holds a part of: of a partition, or of INHERITS. */
  readonly parents: readonly number[];
  readonly isPartition: boolean;
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  /** Rows as the planner estimates them; -1 when it was never analysed. */
  readonly estimatedRows: number;
  readonly tenantColumn: ColumnFacts | undefined;
  /** Known where there is no tenant's column and policies look up whose a row is. */
  readonly lineage?: Lineage | undefined;
  /** It is the table of the tenants itself. */
  readonly isRegistry: boolean;
  readonly policies: readonly PolicyFacts[];
  /** Key of `RlsFacts.classes`; `undefined` without policies. */
  readonly policyClass: string | undefined;
  /** Those that begin with the tenant's column, and those that may be useless below policies. */
  readonly indexes: readonly IndexFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  /** It has triggers of its own for rows that are inserted and updated: they may check what a key cannot. */
  readonly checksRows: boolean;
}

export interface ViewFacts extends Relation {
  readonly kind: 'view' | 'materialized';
  readonly securityInvoker: boolean;
  /** Relations it reads itself, from pg_rewrite and pg_depend. */
  readonly reads: readonly number[];
}

/** A rule that does something when rows of its relation are written. */
export interface RuleFacts {
  readonly oid: number;
  /** OID of the table or view that it is a rule of: it does what it does as whoever owns that. */
  readonly relation: number;
  readonly name: string;
  readonly command: 'UPDATE' | 'INSERT' | 'DELETE';
  /** OIDs of other relations that its actions read or write. */
  readonly relations: readonly number[];
}

export interface ArgumentFacts {
  /** As a cast writes it. */
  readonly type: string;
  /** `pg_type.typcategory`; of a domain, that of what it is made from. */
  readonly category: string;
  /** Labels of an enumeration. */
  readonly labels: readonly string[];
  /** A call may leave it away. */
  readonly hasDefault: boolean;
  readonly isVariadic: boolean;
}

export interface FunctionFacts extends Named {
  /** Its argument types as ALTER FUNCTION takes them. */
  readonly arguments: string;
  readonly owner: number;
  /** OID of the role with whose rights it runs: its owner, or the one that it takes by its own settings. */
  readonly runsAs: number;
  /** No SECURITY DEFINER: its own settings say `role`, which works for whoever is logged in as one that may become it. */
  readonly takesRole: boolean;
  /** Whom EXECUTE is granted to; PUBLIC is 0. */
  readonly executors: ReadonlySet<number>;
  /** Its settings: `search_path`, … */
  readonly settings: ReadonlyMap<string, string>;
  readonly isTrigger: boolean;
  readonly isProcedure: boolean;
  /** What a call gives, in its order; those with a default come last. */
  readonly givenArguments: readonly ArgumentFacts[];
  readonly isVolatile: boolean;
  readonly returnsNothing: boolean;
  /** Its language keeps it within the database. */
  readonly isTrusted: boolean;
  /** Its body, but for one in standard SQL. */
  readonly source: string;
  /** Relations that a body in standard SQL reads, from pg_depend. */
  readonly relations: readonly number[];
  /** What needs it to be executable by whoever uses that: `default value for public.t.id`, from pg_depend. */
  readonly users: readonly string[];
  readonly inScope: boolean;
  /** A policy calls it, from pg_depend. */
  readonly servesPolicy: boolean;
}

/** What ALTER DEFAULT PRIVILEGES gives on tables that are made later. */
export interface DefaultGrant {
  /** Whose new tables. */
  readonly owner: number;
  /** `undefined`: in every schema. */
  readonly schema: string | undefined;
  readonly grantee: number;
  readonly privileges: ReadonlySet<Privilege>;
}

/** How much of the API is known. */
export interface Exposure {
  readonly schemas: readonly string[];
  readonly source: 'configuration' | 'pgrst.db_schemas' | 'usage' | 'no API role';
}

/** A question that could be answered, or why it could not. */
export type Known<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly reason: string };

/** One of the rows that a policy was asked about. */
export interface SampleRow {
  /** Whose row: one's own, another tenant's, nobody's. */
  readonly owner: 'own' | 'other' | 'none';
  /** What the tenant's column holds. */
  readonly tenant: string | null;
  /** Values of the columns that the policy reads besides the tenant's, by name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** A value is the identity of whoever asks: such a row may be theirs whoever's tenant it is. */
  readonly isPersonal: boolean;
  /** Of another tenant whose identifier is like the own one, but for a digit or so. */
  readonly isNear?: boolean | undefined;
  /** Conditions of which the answer takes for granted that the row satisfies them: whether one can was not found out. */
  readonly assumes?: readonly string[] | undefined;
}

/**
 * What a session says about its tenant when a policy is evaluated. `reused` names the own tenant, and `reused-empty`
 * none, after a transaction that named another: asked where functions of policies may have kept that.
 */
export const CONTEXTS = [
  'unset',
  'own',
  'own-uppercase',
  'empty',
  'garbage',
  'unknown',
  'forged',
  'reused',
  'reused-empty',
] as const;
/**
 * `others-empty` names the own tenant, and leaves the empty string in every other setting that is read: asked last, where
 * there are such settings, and only for whether it fails.
 */
export type ContextName = (typeof CONTEXTS)[number] | 'others-empty';

/** Of one row: the policy holds, does not, is NULL; or why it could not be evaluated. */
export type Truth = true | false | null | { readonly error: string; readonly sqlState: string };

/** Answers for the sample rows, in their order. */
export interface Evaluation {
  readonly role: number;
  readonly context: ContextName;
  readonly truths: readonly Truth[];
}

/** One expression of a policy, as it answers for the rows of its class. */
export interface ExpressionFacts {
  /** As pg_get_expr prints it with an empty search_path. */
  readonly text: string;
  /** Answers for the rows of the class, for each role that some policy of the class applies to. */
  readonly evaluations: readonly Evaluation[];
  /** Calls that the plan repeats for every row: `current_setting('app.tenant'::text, true)`. */
  readonly perRow: Known<readonly string[]>;
  /** Columns compared with current_user or session_user. */
  readonly roleComparisons: readonly string[];
  readonly calls: readonly Call[];
  /** Settings that it reads by name. */
  readonly settings: readonly string[];
  /** Where in documents that are no columns, such as a token's claims, it takes values. */
  readonly claims: readonly (readonly string[])[];
}

/**
 * Tables whose policies are the same: same trees, types and places of columns. What is found out about one of them
 * holds for all, so that a database of ten thousand tables is evaluated as fast as one of ten.
 */
export interface PolicyClass {
  /** OID of the table that was looked at. */
  readonly table: number;
  /** The rows of the class that was evaluated: the same for all that differ from it in words only. */
  readonly rows: readonly SampleRow[];
  /** What words in the values of those rows are in this class. */
  readonly words: ReadonlyMap<string, string>;
  /** Why not all was evaluated, if it was not: a role the reader cannot become, a function that takes too long. */
  readonly openBecause: string | undefined;
  /** Whose the rows are. */
  readonly tenants: Tenants;
  /** By `PolicyFacts.using` and `.check`; not known when the server would not tell their text. */
  readonly expressions: Known<ReadonlyMap<string, ExpressionFacts>>;
}

export interface RlsFacts {
  readonly serverVersion: number;
  /** Who asked. */
  readonly reader: RoleFacts;
  readonly roles: ReadonlyMap<number, RoleFacts>;
  /** Roles that requests and the application run as, and that RLS has to bind. */
  readonly clients: readonly RoleFacts[];
  readonly apiRoles: readonly RoleFacts[];
  /** Roles that policies are evaluated as: clients, and owners whom forced RLS binds. */
  readonly subjects: readonly RoleFacts[];
  /** Subjects that the reader cannot become, so that nothing was evaluated as them. */
  readonly unreachable: readonly RoleFacts[];
  /** OIDs of roles that are meant to see every tenant. */
  readonly meantToBypass: ReadonlySet<number>;
  readonly schemas: readonly string[];
  readonly exposure: Exposure;
  /** Who may use a schema: grantees by the schema's name. */
  readonly usage: ReadonlyMap<string, ReadonlySet<number>>;
  readonly tables: ReadonlyMap<number, TableFacts>;
  readonly views: ReadonlyMap<number, ViewFacts>;
  readonly rules: readonly RuleFacts[];
  /** Functions that run with other rights than their caller's. */
  readonly definers: readonly FunctionFacts[];
  readonly defaultGrants: readonly DefaultGrant[];
  readonly classes: ReadonlyMap<string, PolicyClass>;
  /** Names of columns of which only the policies say that they hold the tenant, but for keys of tables of tenants. */
  readonly foundColumns: readonly string[];
  /** Settings that carry the tenant, the one of most policies first: SQL that is proposed reads that. */
  readonly tenantSettings: readonly [string, ...string[]];
  /** Something reads the first of these; not so where whose a row is is told by claims or looked up. */
  readonly isSettingRead: boolean;
  /** Claims of a token that were found to carry it besides those that are known, by the keys that lead there. */
  readonly tenantClaims: readonly (readonly string[])[];
  /** Settings that carry the user. */
  readonly userSettings: readonly string[];
  /** Where policies look up which user belongs to which tenant, the likeliest first. */
  readonly memberships: readonly Membership[];
}
