import { quoteLiteral } from '../../postgres/quote.ts';
import { SQLSTATE, serverError } from '../../postgres/server-error.ts';
import type { Preparable, Session } from '../../postgres/session.ts';
import type { RoleFacts } from '../facts.ts';
import { namesOf } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { type AccessLists, type GrantRow, toAccessLists } from './grants.ts';
import { type PolicyRow, type PolicyText, sorted, treeHashSql } from './policies.ts';
import {
  COLUMN,
  type ColumnRow,
  IS_RELATION,
  LABELS,
  type LabelledColumnRow,
  RELATION,
  type RelationRow,
  referredColumnsSql,
} from './relations.ts';
import { MEMBERSHIPS, type MembershipRow, ROLES, type RoleRow, resolveRoles } from './roles.ts';
import { findExposure, type ListedSchema, SCHEMAS, SERVED_SCHEMAS, toSchema } from './scope.ts';
import type { Snapshot, Surroundings } from './snapshot.ts';

/** What it takes to evaluate the policies of some tables. */
export interface SomeTables {
  /** What nobody asks of some tables is left empty. */
  readonly snapshot: Snapshot;
  /** The SQL of their policies, as far as no lock was in the way. */
  readonly texts: ReadonlyMap<number, PolicyText>;
  /** Those that policies read, and those that are called like a tenant's. */
  readonly columns: readonly LabelledColumnRow[];
}

/**
 * Roles, schemas and what the API serves, as they were read last. Nothing is taken from it unless the server says, with
 * whatever is read next, that it would tell the same again: who changed it, and how, does not matter.
 */
export interface Remembered {
  fingerprint?: string;
  surroundings?: Surroundings;
  /** Access lists by their text, which hold as long as the roles do. */
  lists?: AccessLists;
}

/** In one statement, which is planned once where the session does that. */
export async function readSomeTables(
  session: Session,
  settings: TenancySettings,
  tables: readonly number[],
  remembered: Remembered,
): Promise<SomeTables> {
  const told = await readTold(session, settings.columns, tables, remembered.fingerprint ?? '');
  if (told.surroundings !== null) {
    remembered.surroundings = toSurroundings(JSON.parse(told.surroundings), settings);
    remembered.fingerprint = told.fingerprint;
    remembered.lists = new Map();
  }
  remembered.lists = new Map([...(remembered.lists ?? []), ...toAccessLists(told.lists)]);
  return toSomeTables(told, settings, remembered)!;
}

/**
 * What the answer to `tablesSql` comes to.
 * @returns nothing where more has to be known than is remembered
 */
export function toSomeTables(
  told: ToldTables,
  settings: TenancySettings,
  { surroundings, lists = new Map() }: Remembered,
): SomeTables | undefined {
  const used = [...told.relations, ...told.columns].flatMap(({ acl }) => acl ?? []);
  if (surroundings === undefined || !used.every((list) => lists.has(list))) return undefined;
  return assembleTold(told, settings, surroundings, lists);
}

/** The answer to `tablesSql`. */
export interface ToldTables {
  readonly referred: readonly ColumnRow[];
  readonly relations: readonly RelationRow[];
  readonly policies: readonly (PolicyRow & {
    readonly is_of_own_making: boolean;
    readonly using: string | null;
    readonly check: string | null;
  })[];
  readonly columns: readonly LabelledColumnRow[];
}

/** Whether all of these tables were told of. */
export function hasTold({ relations }: ToldTables, tables: ReadonlySet<number>): boolean {
  const known = new Set(relations.map(({ oid }) => oid));
  return [...tables].every((oid) => known.has(oid));
}

interface ToldWithSurroundings extends ToldTables {
  readonly fingerprint: string;
  /** `null`: the same as before. */
  readonly surroundings: string | null;
  readonly lists: readonly GrantRow[];
}

interface ToldSurroundings {
  readonly version: number;
  readonly reader: number;
  readonly roles: readonly RoleRow[];
  readonly memberships: readonly MembershipRow[];
  readonly schemas: readonly ListedSchema[];
  readonly served: string | null;
}

/** True when roles, schemas and what the API serves are what they were when they were read last. */
export async function isAsRemembered(session: Session, { fingerprint }: Remembered): Promise<boolean> {
  if (fingerprint === undefined) return false;
  const { values, error } = await ask(session, FINGERPRINT, []);
  if (error !== undefined) throw error;
  return values.at(-1) === fingerprint;
}

async function readTold(
  session: Session,
  columns: readonly string[],
  tables: readonly number[],
  fingerprint: string,
  withTexts = true,
): Promise<ToldWithSurroundings> {
  const given = [`{${tables.join(',')}}`, namesOf(columns), fingerprint, String(withTexts)].map(quoteLiteral);
  const { values, error } = await ask(session, { sql: SOME_TABLES, types: ['oid[]', 'name[]', 'text', 'bool'] }, given);
  if (error === undefined) return JSON.parse(values.at(-1)!);
  // Printing a policy waits for whoever has locked its tables.
  if (!withTexts || serverError(error)?.code !== SQLSTATE.lockNotAvailable) throw error;
  return readTold(session, columns, tables, fingerprint, false);
}

/** It waits for nobody; `search_path` is empty so that every name is printed with its schema. */
export const LIMITS = [
  "search_path = ''",
  "lock_timeout = '250ms'",
  "statement_timeout = '30s'",
  'jit = off',
  'plan_cache_mode = force_generic_plan',
];

function ask(session: Session, statement: Preparable, values: readonly string[]): ReturnType<Session['readOnly']> {
  return session.readOnly([...LIMITS.map((limit) => `set local ${limit}`), ...session.executing(statement, values)]);
}

function toSurroundings(
  { version, reader, roles: rows, memberships, schemas: listed, served }: ToldSurroundings,
  settings: TenancySettings,
): Surroundings {
  const roles: ReadonlyMap<number, RoleFacts> = resolveRoles(rows, memberships);
  const apiRoles = [...roles.values()].filter(({ name }) => settings.apiRoles.includes(name));
  const schemas = listed.map(toSchema);
  const exposure = findExposure(settings, schemas, apiRoles, served);
  return { serverVersion: version, reader, roles, apiRoles, schemas, exposure };
}

function assembleTold(
  told: ToldTables,
  settings: TenancySettings,
  surroundings: Surroundings,
  accessLists: AccessLists,
): SomeTables {
  const { policies, columns } = told;
  const schemas = new Set(surroundings.schemas.map(({ oid }) => oid));
  const printed = policies.filter(({ using, using_hash, check, check_hash }) =>
    [(using === null) === (using_hash === null), (check === null) === (check_hash === null)].every(Boolean),
  );
  return {
    texts: new Map(
      printed.map(({ oid, using, check }) => [oid, { using: using ?? undefined, check: check ?? undefined }]),
    ),
    columns,
    snapshot: {
      ...surroundings,
      relations: told.relations.filter(({ namespace }) => schemas.has(namespace)),
      columnGrants: columns.flatMap(({ relation, acl }) => (acl === null ? [] : [{ relation, acl }])),
      accessLists,
      tenantColumns: columns
        .filter(({ name }) => settings.columns.includes(name))
        .map((column) => ({ ...column, relations: [column.relation] })),
      referredColumns: told.referred,
      policies: sorted(policies),
      policiesOfOwnMaking: new Set(policies.flatMap(({ oid, is_of_own_making: isOwn }) => (isOwn ? [oid] : []))),
      functionSettings: [],
      inheritance: [],
      foreignKeys: [],
      checkingTables: new Set(),
      viewDependencies: [],
      rules: [],
      policyFunctions: new Set(),
      lookups: { relations: new Set(), policies: new Set() },
      indexes: [],
      leaks: { classes: new Map(), functions: new Map() },
      indexDefinitions: new Map(),
      definers: [],
      defaultGrants: [],
    },
  };
}

const all = (sql: string) => `(select coalesce(pg_catalog.json_agg(q), '[]') from (${sql}) q)`;

const AROUND = `
  select pg_catalog.json_build_object(
    'version', pg_catalog.current_setting('server_version_num')::int4,
    'reader', (select oid::int8 from pg_catalog.pg_roles where rolname = current_user),
    'roles', ${all(ROLES)},
    'memberships', ${all(MEMBERSHIPS)},
    'schemas', ${all(SCHEMAS)},
    'served', ${SERVED_SCHEMAS}
  )::text as surroundings
`;

/** Tells in short what is around tables; the same in sessions that see the same. */
export const FINGERPRINT: Preparable = {
  sql: `select pg_catalog.md5(surroundings) from (${AROUND}) around`,
  types: [],
};

/** SQL of OIDs, names and a boolean. */
interface Asked {
  readonly tables: string;
  readonly columns: string;
  readonly withTexts: string;
}

// Table by table and row by row, by index: else the planner, which does not know how few there are, reads whole catalogs.
const rowsSql = ({ tables, columns, withTexts }: Asked) => `
  referred as materialized (
    select * from (${referredColumnsSql(columns)}) r limit 1
  ),
  found as materialized (
    select c.*
    from (
      select pg_catalog.unnest(${tables}) as oid
      union
      select relation::oid from referred
    ) wanted
    cross join lateral (
      select c.oid, c.relnamespace, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
        c.relispartition, c.reltuples, c.reloptions, c.relpersistence
      from pg_catalog.pg_class c
      where c.oid = wanted.oid offset 0
    ) c
    where ${IS_RELATION}
  ),
  policy as materialized (
    select p.oid::int8 as oid, p.polname as name, p.polrelid::int8 as "table", p.polcmd as command,
      p.polpermissive as permissive, p.polroles::int8[] as roles,
      ${treeHashSql('p.polqual')} as using_hash, ${treeHashSql('p.polwithcheck')} as check_hash,
      coalesce(d.columns, '{}') as columns, coalesce(d.relations, '{}') as relations,
      coalesce(d.is_of_columns, true) as is_of_columns, coalesce(d.is_of_own_making, false) as is_of_own_making,
      case when ${withTexts} then pg_catalog.pg_get_expr(p.polqual, p.polrelid) end as using,
      case when ${withTexts} then pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) end as check
    from pg_catalog.unnest(${tables}) wanted (oid)
    cross join lateral (
      select p.oid, p.polname, p.polrelid, p.polcmd, p.polpermissive, p.polroles, p.polqual, p.polwithcheck
      from pg_catalog.pg_policy p
      where p.polrelid = wanted.oid offset 0
    ) p
    cross join lateral (
      select
        pg_catalog.array_agg(distinct d.refobjsubid) filter (where d.is_read and d.refobjid = p.polrelid and d.refobjsubid > 0) as columns,
        pg_catalog.array_agg(distinct d.refobjid::int8) filter (where d.is_read and d.refobjid <> p.polrelid) as relations,
        pg_catalog.bool_and(d.refobjid = p.polrelid and d.refobjsubid > 0) filter (where d.is_read) as is_of_columns,
        -- What the server itself is made of is recorded nowhere, and enumerations do nothing.
        pg_catalog.bool_or(d.refclassid <> 'pg_catalog.pg_class'::regclass and not (
          d.refclassid = 'pg_catalog.pg_type'::regclass
          and coalesce((select t.typtype = 'e' from pg_catalog.pg_type t where t.oid = d.refobjid), false)
        )) as is_of_own_making
      from (
        select d.refclassid, d.refobjid, d.refobjsubid,
          d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'n' as is_read
        from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid offset 0
      ) d
    ) d
  ),
  attribute as materialized (
    select a.*, t.typtype, t.typcategory
    from pg_catalog.unnest(${tables}) wanted (oid)
    cross join lateral (
      select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attacl
      from pg_catalog.pg_attribute a
      where a.attrelid = wanted.oid and a.attnum > 0 and not a.attisdropped
        and (
          a.attname = any (${columns})
          or a.attacl is not null
          or exists (select from policy where policy."table" = a.attrelid::int8 and a.attnum = any (policy.columns))
        )
      offset 0
    ) a
    cross join lateral (
      select t.typtype, t.typcategory from pg_catalog.pg_type t where t.oid = a.atttypid offset 0
    ) t
  )
`;

const FIELDS = `
    'referred', ${all('select * from referred')},
    'relations', ${all(`select ${RELATION} from found c order by c.oid`)},
    'policies', ${all('select * from policy')},
    'columns', ${all(`select ${COLUMN}, ${LABELS} as labels from attribute a cross join lateral (select a.typtype, a.typcategory) t order by a.attrelid, a.attnum`)}
`;

/** A query for one JSON value, the `ToldTables` of tables. */
export const tablesSql = (asked: Asked) => `with ${rowsSql(asked)} select pg_catalog.json_build_object(${FIELDS})`;

const SOME_TABLES = `
  with around as materialized (${AROUND}),
  ${rowsSql({ tables: '$1', columns: '$2', withTexts: '$4' })}
  select pg_catalog.json_build_object(
    'fingerprint', pg_catalog.md5(around.surroundings),
    'surroundings', case when pg_catalog.md5(around.surroundings) <> $3 then around.surroundings end,
    ${FIELDS},
    'lists', ${all(`
      select acl::text as list, a.grantee::int8 as grantee, pg_catalog.array_agg(distinct a.privilege_type) as privileges
      from (select relacl as acl from found union all select attacl from attribute) granted
      cross join lateral pg_catalog.aclexplode(acl) a
      group by acl::text, a.grantee
    `)}
  )
  from around
`;
