import type { Command, Named } from '../facts.ts';

// What the gate compares: plain values of two sides, before a file and behind it. Reading them is read-state.ts.

/** Catalogs that say who is isolated from whom: a file that wrote to none of them changes nothing about it. */
export const WATCHED = [
  'pg_class',
  'pg_attribute',
  'pg_policy',
  'pg_proc',
  'pg_rewrite',
  'pg_namespace',
  'pg_authid',
  'pg_auth_members',
  'pg_db_role_setting',
  'pg_inherits',
] as const;
export type Watched = (typeof WATCHED)[number];
/** Their OIDs, which are part of the server's source and the same in every version (src/include/catalog/pg_*.h). */
export const WATCHED_OIDS = [1259, 1249, 3256, 1255, 2618, 2615, 1260, 1261, 2964, 2611] as const;

export const KINDS_OF_WRITE = ['inserted', 'updated', 'deleted'] as const;
export type KindOfWrite = (typeof KINDS_OF_WRITE)[number];

/** What the catalog says in short: objects by OID, each with a text that changes when something about it does. */
export interface Lists {
  /** Tables with RLS enabled. */
  readonly secured: ReadonlyMap<number, SecuredEntry>;
  /** Policies and functions; empty when their catalog was not asked for. */
  readonly policies: ReadonlyMap<number, PolicyEntry>;
  readonly functions: ReadonlyMap<number, FunctionEntry>;
  /** Rules; each view is one. */
  readonly rules: ReadonlyMap<number, RuleEntry>;
  /** One text for all views with their rights, schemas, roles and memberships. */
  readonly surroundings: string;
}

interface SecuredEntry {
  readonly forced: boolean;
  /** Owner and schema. */
  readonly place: string;
}

interface PolicyEntry {
  readonly table: number;
  /** Transaction that wrote it: changes with every ALTER POLICY. */
  readonly version: string;
}

interface RuleEntry {
  readonly version: string;
  readonly relation: number;
}

interface FunctionEntry {
  readonly version: string;
  /** SECURITY DEFINER, or it takes a role. */
  readonly leavesCaller: boolean;
}

/** What of the two sides has to be looked at. */
export interface Focus {
  /** Tables whose names are needed. */
  readonly tables: readonly number[];
  /** Tables that had RLS before and have it still, whose policies are other rows now. */
  readonly policiesOf: readonly number[];
  /** Views, rules and functions that may lead around RLS, and the roles it binds. */
  readonly ways: boolean;
  /** What sessions begin with. */
  readonly defaults: boolean;
}

export interface SecuredTable extends Named {
  readonly isSecured: boolean;
  readonly forced: boolean;
  /** Equal for tables whose owner, rights and columns are the same. */
  readonly shape: string;
}

export interface GatePolicy {
  readonly oid: number;
  readonly table: number;
  readonly name: string;
  readonly command: Command | 'ALL';
  readonly permissive: boolean;
  /** OIDs. */
  readonly roles: readonly number[];
  /** Trees of the expressions, as the catalog has them. */
  readonly using: string | null;
  readonly check: string | null;
  /** Command, roles and expressions, however it is called and whenever it was made. */
  readonly meaning: string;
}

/** What API roles may use and what reaches tables as somebody whom RLS does not bind; a rule by the name of its relation. */
export interface WayAround extends Named {
  readonly kind: 'view' | 'materialized view' | 'function' | 'rule';
  /** Of a function: its argument types. */
  readonly arguments: string | null;
  /** Of a rule: what it is called, and which command of an API role sets it off. */
  readonly rule: { readonly name: string; readonly command: Command } | null;
  /** Whom it reads or writes as. */
  readonly owner: string;
  /** API roles that may use it. */
  readonly roles: readonly string[];
  /** Of a view: what for, `anon SELECT`. */
  readonly uses: readonly string[];
  /** Tables with RLS whose rows it can read, by OID; of a function whose owner nothing binds, `null`: all of them. */
  readonly tables: readonly number[] | null;
  /** Of a view or rule: their names. */
  readonly shows: readonly string[];
  /** A function that policies call has to be open to everybody. */
  readonly servesPolicies: boolean;
}

/** An API role that owns a table with RLS, or may become its owner. */
interface OwnedTable extends Named {
  readonly oid: number;
  readonly role: string;
}

/** An API role that a policy concerns since it is a member of another role, whom the policy names. By OID. */
interface ConcernedRole {
  readonly role: string;
  readonly policy: number;
  readonly table: number;
}

/** A setting that carries the tenant, or the role, and that sessions begin with; of every role or database where none is named. */
export interface SessionDefault {
  readonly role: string | null;
  readonly database: string | null;
  readonly name: string;
  readonly value: string;
}

/** One side of the comparison. */
export interface GateState {
  /** Those of the focus. */
  readonly tables: readonly SecuredTable[];
  readonly policies: readonly GatePolicy[];
  readonly ways: readonly WayAround[];
  /** Views, rules and SECURITY DEFINER functions that are there at all, by OID. */
  readonly objects: readonly number[];
  /** API roles that RLS does not bind, or that may become one that it does not bind. */
  readonly unbound: readonly string[];
  readonly owned: readonly OwnedTable[];
  readonly concerned: readonly ConcernedRole[];
  readonly defaults: readonly SessionDefault[];
}

/** A table without RLS that clients reach or that has the column of the tenants. */
export interface OpenTable extends Named {
  readonly roles: readonly string[];
  readonly tenantColumn: string | null;
}

/** Tables whose policies a file wrote and that are read unasked; of more only those that turn out to be another's. */
export const MOST_AT_ONCE = 20;

/** A state of nothing but tables and policies. */
export const NO_WAYS: Omit<GateState, 'tables' | 'policies'> = {
  ways: [],
  objects: [],
  unbound: [],
  owned: [],
  concerned: [],
  defaults: [],
};
