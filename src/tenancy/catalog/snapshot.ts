import { quoteLiteral } from '../../postgres/quote.ts';
import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import type { Exposure, RoleFacts } from '../facts.ts';
import type { TenancySettings } from '../settings.ts';
import { type DefinerRow, readDefiners, readSettingsOfFunctions } from './functions.ts';
import { type AccessLists, type DefaultGrantRow, readAccessLists, readDefaultGrants } from './grants.ts';
import {
  hasLeak,
  type IndexRow,
  type Leaks,
  readIndexDefinitions,
  readIndexes,
  readLeakyClasses,
  readLeakyFunctions,
} from './indexes.ts';
import { type Lookups, readLookups } from './lookups.ts';
import { type PolicyRow, readPolicies, readPoliciesOfOwnMaking, readPolicyFunctions } from './policies.ts';
import {
  type ColumnRow,
  type ForeignKeyRow,
  type InheritanceRow,
  type ReadRow,
  type RelationRow,
  type RuleRow,
  readCheckingTables,
  readColumnGrants,
  readColumnsNamed,
  readForeignKeys,
  readInheritance,
  readReferredColumns,
  readRelations,
  readRules,
  readViewDependencies,
  type SharedColumnRow,
} from './relations.ts';
import { readRoles } from './roles.ts';
import { findExposure, readSchemas, readServedSchemas, type SchemaRow } from './scope.ts';

/** Everything that is read of the catalog, row by row: one moment, a dozen plain scans, no lock on any table. */
export interface Snapshot {
  readonly serverVersion: number;
  /** OID of the role that asks. */
  readonly reader: number;
  readonly roles: ReadonlyMap<number, RoleFacts>;
  readonly apiRoles: readonly RoleFacts[];
  readonly schemas: readonly SchemaRow[];
  readonly exposure: Exposure;
  readonly relations: readonly RelationRow[];
  readonly accessLists: AccessLists;
  readonly columnGrants: readonly { readonly relation: number; readonly acl: string }[];
  readonly tenantColumns: readonly SharedColumnRow[];
  readonly referredColumns: readonly ColumnRow[];
  readonly inheritance: readonly InheritanceRow[];
  readonly foreignKeys: readonly ForeignKeyRow[];
  readonly checkingTables: ReadonlySet<number>;
  readonly viewDependencies: readonly ReadRow[];
  readonly rules: readonly RuleRow[];
  readonly policies: readonly PolicyRow[];
  readonly policyFunctions: ReadonlySet<number>;
  /** Policies that are made of more than what the server brings. */
  readonly policiesOfOwnMaking: ReadonlySet<number>;
  /** What policies look at through functions. */
  readonly lookups: Lookups;
  readonly indexes: readonly IndexRow[];
  readonly leaks: Leaks;
  /** What follows USING in the definitions of indexes of tables with RLS that may leak in some column. */
  readonly indexDefinitions: ReadonlyMap<number, string>;
  readonly definers: readonly DefinerRow[];
  readonly functionSettings: readonly string[];
  readonly defaultGrants: readonly DefaultGrantRow[];
}

/** Limits of the transaction: it waits for nobody, and nobody waits long for what it keeps from being vacuumed. */
const BEGIN = `
  begin transaction isolation level repeatable read, read only;
  set local search_path = '';
  set local lock_timeout = '250ms';
  set local statement_timeout = '30s';
  set local jit = off;
  set local plan_cache_mode = force_generic_plan;
  set local max_parallel_workers_per_gather = 0
`;

/** A second session for work that is worth one; `undefined` where there is none to be had. */
export type Helper = () => Promise<Session | undefined>;

/** Fewer relations than this are read before another connection is made. */
export const MANY_RELATIONS = 1_000;

/** @throws an error of the server, such as 42501 where catalogs were closed to the role */
export function readSnapshot(session: Session, settings: TenancySettings, helper?: Helper): Promise<Snapshot> {
  return atOnce(session, () => readAll(session, settings, helper));
}

async function atOnce<T>(session: Session, read: () => Promise<T>): Promise<T> {
  await session.query(BEGIN);
  try {
    return await read();
  } finally {
    await session.undo();
  }
}

export type Surroundings = Pick<Snapshot, 'serverVersion' | 'reader' | 'roles' | 'apiRoles' | 'schemas' | 'exposure'>;

async function readSurroundings(session: Session, settings: TenancySettings): Promise<Surroundings> {
  const server = await readServer(session);
  const roles = await readRoles(session);
  const apiRoles = [...roles.values()].filter(({ name }) => settings.apiRoles.includes(name));
  const schemas = await readSchemas(session);
  const exposure = findExposure(settings, schemas, apiRoles, await readServedSchemas(session));
  return { ...server, roles, apiRoles, schemas, exposure };
}

async function readAll(session: Session, settings: TenancySettings, helper: Helper | undefined): Promise<Snapshot> {
  const surroundings = await readSurroundings(session, settings);
  const oids = surroundings.schemas.map(({ oid }) => oid);
  const relations = await readRelations(session, oids);
  const second = relations.length < MANY_RELATIONS ? undefined : await helper?.();
  const [policies, columns] = await sideBySide(
    session,
    second,
    (one) => readPolicyRows(one, oids, relations),
    (one) => readColumnRows(one, oids, settings),
  );
  const lists = [...relations.flatMap(({ acl }) => acl ?? []), ...columns.columnGrants.map(({ acl }) => acl)];
  const secured = new Set(relations.filter((row) => row.rls_enabled).map(({ oid }) => oid));
  const looked = columns.indexes.filter((index) => secured.has(index.table) && hasLeak(index, columns.leaks));
  return {
    ...surroundings,
    relations,
    ...policies,
    ...columns,
    accessLists: await readAccessLists(session, new Set(lists)),
    indexDefinitions: await unlessLocked(session, new Map<number, string>(), () =>
      readIndexDefinitions(
        session,
        looked.map(({ oid }) => oid),
      ),
    ),
  };
}

/** Both at once where there is a second session, which sees the very moment that the first one sees. */
async function sideBySide<A, B>(
  session: Session,
  second: Session | undefined,
  one: (session: Session) => Promise<A>,
  other: (session: Session) => Promise<B>,
): Promise<[A, B]> {
  if (second === undefined || !(await seesTheSame(session, second))) return [await one(session), await other(session)];
  const both = await Promise.allSettled([one(session), other(second)]);
  await second.undo();
  const [first, rest] = both;
  if (first.status === 'rejected') throw first.reason;
  if (rest.status === 'rejected') throw rest.reason;
  return [first.value, rest.value];
}

/** Behind a balancer the second session may be another server's: then it is of no use here. */
async function seesTheSame(session: Session, second: Session): Promise<boolean> {
  const [row] = await session.query<{ snapshot: string }>('select pg_catalog.pg_export_snapshot() as snapshot');
  try {
    await second.query(BEGIN.replace(';', `; set transaction snapshot ${quoteLiteral(row!.snapshot)};`));
    return true;
  } catch (error) {
    if (serverError(error) === undefined) throw error;
    await second.undo();
    return false;
  }
}

type PolicyRows = Pick<
  Snapshot,
  | 'policies'
  | 'policyFunctions'
  | 'policiesOfOwnMaking'
  | 'lookups'
  | 'inheritance'
  | 'checkingTables'
  | 'viewDependencies'
  | 'rules'
  | 'definers'
  | 'functionSettings'
  | 'defaultGrants'
>;

async function readPolicyRows(
  session: Session,
  schemas: readonly number[],
  relations: readonly RelationRow[],
): Promise<PolicyRows> {
  const policyFunctions = await readPolicyFunctions(session);
  return {
    policies: await readPolicies(session),
    policyFunctions,
    lookups: await readLookups(session, relations, policyFunctions),
    policiesOfOwnMaking: await readPoliciesOfOwnMaking(session),
    inheritance: await readInheritance(session),
    checkingTables: await readCheckingTables(session),
    viewDependencies: await readViewDependencies(session),
    rules: await readRules(session),
    definers: await readDefiners(session, schemas),
    functionSettings: await readSettingsOfFunctions(session, schemas),
    defaultGrants: await readDefaultGrants(session),
  };
}

type ColumnRows = Pick<
  Snapshot,
  'columnGrants' | 'tenantColumns' | 'referredColumns' | 'foreignKeys' | 'indexes' | 'leaks'
>;

async function readColumnRows(
  session: Session,
  schemas: readonly number[],
  { columns }: TenancySettings,
): Promise<ColumnRows> {
  const columnGrants = await readColumnGrants(session, schemas);
  const referredColumns = await readReferredColumns(session, columns);
  const leakyClasses = await readLeakyClasses(session);
  const indexes = await readIndexes(session, {
    schemas,
    columns,
    tables: referredColumns.slice(0, 1).map(({ relation }) => relation),
    leakyClasses: leakyClasses.keys(),
  });
  return {
    columnGrants,
    referredColumns,
    indexes,
    leaks: { classes: leakyClasses, functions: await readLeakyFunctions(session, indexes) },
    tenantColumns: await readColumnsNamed(session, schemas, columns),
    foreignKeys: await readForeignKeys(session),
  };
}

/** What is only good for proposals is left out where somebody has locked a table: it is not worth waiting for. */
async function unlessLocked<T>(session: Session, otherwise: T, read: () => Promise<T>): Promise<T> {
  await session.query('savepoint lookup');
  try {
    return await read();
  } catch (error) {
    if (serverError(error)?.code !== SQLSTATE.lockNotAvailable) throw error;
    await session.query('rollback to savepoint lookup');
    return otherwise;
  }
}

async function readServer(session: Session): Promise<Pick<Snapshot, 'serverVersion' | 'reader'>> {
  const [row] = await session.query<{ version: number; reader: number }>(`
    select current_setting('server_version_num')::int4 as version, oid as reader
    from pg_catalog.pg_roles
    where rolname = current_user
  `);
  return { serverVersion: row!.version, reader: row!.reader };
}
