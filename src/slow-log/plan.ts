import { formatDuration, parseDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';

/** The setting of manual section 9.4: statements that take at least so many milliseconds are logged. */
export const SETTING = 'log_min_duration_statement';

/** Milliseconds; -1 logs nothing, 0 everything (PostgreSQL docs 20.8.2). */
export type Threshold = number;

/** Where a value is kept. */
export type Scope =
  | { readonly kind: 'database' }
  /** For one role, in this database or in all of them. */
  | { readonly kind: 'role'; readonly role: string; readonly allDatabases: boolean }
  /** postgresql.auto.conf: every database of the server. */
  | { readonly kind: 'server' };

/** A value that the catalog keeps for a database, a role, or a role in a database; `undefined` is any. */
export interface StoredValue {
  readonly role: string | undefined;
  readonly isThisDatabase: boolean;
  readonly threshold: Threshold;
}

/** A role whose sessions this database has, or that has a value of its own. */
interface RoleUse {
  readonly name: string;
  /** Sessions of this database; 0 too when this role may not see them. */
  readonly sessions: number;
}

/** What the server says about its slow log. */
export interface SlowLogFacts {
  readonly database: string;
  /** The role of this connection. */
  readonly role: string;
  /** `server_version_num` */
  readonly versionNumber: number;
  readonly isSuperuser: boolean;
  readonly isSupabase: boolean;
  /** Without a database or role's own value; `undefined` when this session has one and may not look behind it. */
  readonly server: Threshold | undefined;
  readonly stored: readonly StoredValue[];
  readonly roles: readonly RoleUse[];
}

/** What new sessions of a role will have, and what decided it. */
export interface Effective {
  readonly role: string;
  readonly threshold: Threshold | undefined;
  readonly from: 'role in this database' | 'role' | 'database' | 'server';
  readonly sessions: number;
}

/** Which statement changes what, and for whom it changes nothing. */
export interface SlowLogPlan {
  readonly scope: Scope;
  readonly statement: string;
  /** What the scope holds now; `undefined`: nothing of its own. */
  readonly before: Threshold | undefined;
  /** `undefined` takes the value away. */
  readonly after: Threshold | undefined;
  /** Roles that have a stronger value: the change does not reach them. */
  readonly shadowed: readonly Effective[];
  readonly effect: string;
}

/**
 * `100ms`, `1s`, `off` (-1), `0` (every statement).
 * @throws AishaError (usage)
 */
export function parseThreshold(text: string): Threshold {
  return text === 'off' || text === '-1' ? -1 : parseDuration(text, 'the threshold');
}

/** A threshold for people. */
export function describeThreshold(threshold: Threshold | undefined): string {
  if (threshold === undefined) return 'unknown';
  if (threshold < 0) return 'off';
  return threshold === 0 ? 'every statement' : formatDuration(threshold);
}

/**
 * What new sessions get: a value of the role in this database, else of the role, else of the database, else of the
 * server (PostgreSQL docs, ALTER ROLE, "Notes").
 */
export function effectiveValues(facts: SlowLogFacts): readonly Effective[] {
  return facts.roles.map(({ name, sessions }) => ({ role: name, sessions, ...decide(facts, name) }));
}

function decide(facts: SlowLogFacts, role: string): Pick<Effective, 'threshold' | 'from'> {
  const find = (wanted: string | undefined, isThisDatabase: boolean) =>
    facts.stored.find((one) => one.role === wanted && one.isThisDatabase === isThisDatabase)?.threshold;
  const candidates = [
    { from: 'role in this database', threshold: find(role, true) },
    { from: 'role', threshold: find(role, false) },
    { from: 'database', threshold: find(undefined, true) },
  ] as const;
  return candidates.find(({ threshold }) => threshold !== undefined) ?? { from: 'server', threshold: facts.server };
}

/** Plans to set the value of a scope, or to take it away (`undefined`). */
export function planChange(facts: SlowLogFacts, scope: Scope, after: Threshold | undefined): SlowLogPlan {
  return {
    scope,
    statement: changeStatement(facts.database, scope, after),
    before: ownValue(facts, scope),
    after,
    shadowed: shadowedBy(facts, scope),
    effect: effectOf(scope),
  };
}

/** True when the scope already holds what it is to hold. */
export function isDone({ before, after, scope }: SlowLogPlan): boolean {
  // What the server's own files say besides its value is not known.
  return scope.kind !== 'server' && before === after;
}

function changeStatement(database: string, scope: Scope, after: Threshold | undefined): string {
  const what = after === undefined ? `reset ${SETTING}` : `set ${SETTING} = ${after < 0 ? '-1' : `'${after}ms'`}`;
  if (scope.kind === 'server') return `alter system ${what};`;
  if (scope.kind === 'database') return `alter database ${quoteIdentifier(database)} ${what};`;
  const where = scope.allDatabases ? '' : ` in database ${quoteIdentifier(database)}`;
  return `alter role ${quoteIdentifier(scope.role)}${where} ${what};`;
}

function ownValue(facts: SlowLogFacts, scope: Scope): Threshold | undefined {
  if (scope.kind === 'server') return facts.server;
  const role = scope.kind === 'role' ? scope.role : undefined;
  const isThisDatabase = scope.kind === 'database' || !scope.allDatabases;
  return facts.stored.find((one) => one.role === role && one.isThisDatabase === isThisDatabase)?.threshold;
}

const STRENGTH: readonly Effective['from'][] = ['server', 'database', 'role', 'role in this database'];

function shadowedBy(facts: SlowLogFacts, scope: Scope): readonly Effective[] {
  const own = scope.kind === 'role' ? (scope.allDatabases ? 'role' : 'role in this database') : scope.kind;
  return effectiveValues(facts)
    .filter(({ role }) => scope.kind !== 'role' || role === scope.role)
    .filter(({ from }) => STRENGTH.indexOf(from) > STRENGTH.indexOf(own));
}

function effectOf(scope: Scope): string {
  return scope.kind === 'server'
    ? 'at once, in every session whose database or role has no value of its own'
    : 'in sessions that start after it: those that are open, and the connections of a pool, keep what they have';
}

/**
 * What lets the change happen when this role may not make it. Setting it needs SET on the parameter, which only a
 * superuser has or grants (from PostgreSQL 15 on); ALTER DATABASE also needs the owner. On Supabase supautils lets
 * `postgres` set it for roles only (Supabase docs, "Customizing Postgres configs").
 */
export function howToAllow(facts: SlowLogFacts, { scope, statement, after }: SlowLogPlan): string {
  if (facts.isSupabase && scope.kind !== 'role') {
    const words = after === undefined ? 'reset' : `set ${after < 0 ? 'off' : `${after}ms`}`;
    return `On Supabase it can be set for a role: aisha-db slow-log ${words} --role authenticator --all-databases, and the same for ${quoteIdentifier(facts.role)}; the SQL editor runs the same statement.`;
  }
  if (facts.isSupabase || facts.versionNumber < 150_000) {
    return `A superuser has to run it${facts.isSupabase ? ' (Supabase support does)' : ''}: ${statement}`;
  }
  const privilege = scope.kind === 'server' ? 'alter system' : 'set';
  return `A superuser runs it: ${statement} Or allows it for good: grant ${privilege} on parameter ${SETTING} to ${quoteIdentifier(facts.role)};`;
}

/**
 * Reads what is to be changed from the options of the command.
 * @throws AishaError (usage) for options that exclude each other
 */
export function readScope(options: Readonly<Record<string, unknown>>): Scope {
  const role = options['role'] as string | undefined;
  if (options['server'] === true && role !== undefined) {
    throw new AishaError('usage', '--server and --role name two places', { hint: 'Keep the one that is meant.' });
  }
  if (options['allDatabases'] === true && role === undefined) {
    throw new AishaError('usage', '--all-databases needs --role', {
      hint: 'A value for every database of the server is set with --server.',
    });
  }
  if (options['server'] === true) return { kind: 'server' };
  return role === undefined
    ? { kind: 'database' }
    : { kind: 'role', role, allDatabases: options['allDatabases'] === true };
}
