import { groupBy } from '../group-by.ts';
import { bypasses } from './access.ts';
import { type AccessLists, grantsOf } from './catalog/grants.ts';
import { type IndexRow, leaksOfIndex } from './catalog/indexes.ts';
import type { ColumnRow, ForeignKeyRow, RelationRow } from './catalog/relations.ts';
import type { Snapshot } from './catalog/snapshot.ts';
import type {
  ColumnFacts,
  Command,
  ForeignKeyFacts,
  FunctionFacts,
  Grants,
  IndexFacts,
  PolicyFacts,
  RlsFacts,
  RoleFacts,
  TableFacts,
  ViewFacts,
} from './facts.ts';
import type { TenancySettings } from './settings.ts';

/** What the rows of the catalog come to; policies are not evaluated yet. */
export type CatalogFacts = Omit<
  RlsFacts,
  'classes' | 'foundColumns' | 'isSettingRead' | 'tenantSettings' | 'tenantClaims' | 'userSettings' | 'memberships'
>;

/** More roles than these are not evaluated as: a role for each user of the application is a database's own style. */
const MOST_SUBJECTS = 8;

export function assembleFacts(snapshot: Snapshot, settings: TenancySettings): CatalogFacts {
  const { roles, apiRoles, exposure } = snapshot;
  const schemaNames = new Map(snapshot.schemas.map(({ oid, name }) => [oid, name]));
  const schemas = scopeOf(snapshot, settings);
  const inScope = new Set(schemas);
  const grants = grantsByRelation(snapshot);
  const place = (row: { readonly namespace: number; readonly name: string; readonly oid: number }) => {
    const schema = schemaNames.get(row.namespace) ?? '';
    return { oid: row.oid, schema, name: row.name, inScope: inScope.has(schema) };
  };
  // Spreading would make each of ten thousand objects grow in steps.
  const relation = ({ oid, namespace, name, owner }: RelationRow) => {
    const schema = schemaNames.get(namespace) ?? '';
    return { oid, schema, name, inScope: inScope.has(schema), owner, grants: grants.get(oid)! };
  };
  const tables = assembleTables(snapshot, settings, relation);
  const views = assembleViews(snapshot, relation);
  const meantToBypass = [...roles.values()].filter(({ name }) => settings.bypassRoles.includes(name));
  const reader = roles.get(snapshot.reader)!;
  const clients = findClients(settings, roles, tables, apiRoles, meantToBypass);
  const subjects = findSubjects(tables, clients, roles, settings, reader);
  return {
    serverVersion: snapshot.serverVersion,
    reader,
    roles,
    clients,
    apiRoles,
    subjects: subjects.filter(({ oid }) => reader.canBecome.has(oid)),
    unreachable: subjects.filter(({ oid }) => !reader.canBecome.has(oid)),
    meantToBypass: new Set(meantToBypass.map(({ oid }) => oid)),
    schemas,
    exposure,
    usage: new Map(snapshot.schemas.map(({ name, usage }) => [name, usage])),
    tables: byOid(tables),
    views: byOid(views),
    rules: snapshot.rules,
    definers: assembleDefiners(snapshot, place),
    defaultGrants: snapshot.defaultGrants.map((row) => ({
      owner: row.owner,
      schema: row.schema ?? undefined,
      grantee: row.grantee,
      privileges: new Set(row.privileges),
    })),
  };
}

function scopeOf({ schemas, exposure }: Snapshot, settings: TenancySettings): readonly string[] {
  const wanted = settings.schemas ?? ['public', ...exposure.schemas];
  return schemas.map(({ name }) => name).filter((name) => wanted.includes(name));
}

function byOid<T extends { readonly oid: number }>(items: readonly T[]): ReadonlyMap<number, T> {
  return new Map(items.map((item) => [item.oid, item]));
}

/** What is granted on a table and on columns of it together: a column's rows are rows. */
function grantsByRelation({ relations, accessLists, columnGrants }: Snapshot): ReadonlyMap<number, Grants> {
  const found = new Map(relations.map((row) => [row.oid, grantsOf(accessLists, row.acl, row.owner)]));
  for (const { relation, acl } of columnGrants) {
    const known = found.get(relation);
    if (known !== undefined) found.set(relation, mergeGrants(known, listOf(accessLists, acl)));
  }
  return found;
}

function listOf(lists: AccessLists, acl: string): Grants {
  return lists.get(acl) ?? new Map();
}

function mergeGrants(one: Grants, other: Grants): Grants {
  const merged = new Map(one);
  for (const [grantee, privileges] of other)
    merged.set(grantee, new Set([...(merged.get(grantee) ?? []), ...privileges]));
  return merged;
}

type RelationPlace = (row: RelationRow) => Omit<ViewFacts, 'kind' | 'securityInvoker' | 'reads'>;

/** One list for all that have nothing of a kind: most of ten thousand tables. */
const NONE: readonly never[] = [];

const KINDS = { r: 'table', p: 'partitioned', f: 'foreign' } as const;

function assembleTables(snapshot: Snapshot, settings: TenancySettings, relation: RelationPlace): TableFacts[] {
  const parents = groupBy(snapshot.inheritance, ({ child }) => child);
  const foreignKeys = groupBy(snapshot.foreignKeys, ({ table }) => table);
  const policies = policiesByTable(snapshot);
  const indexes = groupBy(snapshot.indexes, ({ table }) => table);
  const columns = tenantColumnsOf(snapshot, settings);
  const classKey = classKeys();
  const registry = snapshot.referredColumns[0]?.relation;
  const schemaNames = new Map(snapshot.schemas.map(({ oid, name }) => [oid, name]));
  return snapshot.relations.flatMap((row): TableFacts[] => {
    if (row.kind === 'v' || row.kind === 'm') return [];
    const own = policies.get(row.oid) ?? NONE;
    const place = relation(row);
    const tenantColumn = columns.get(row.oid);
    return [
      {
        oid: row.oid,
        schema: place.schema,
        name: row.name,
        inScope: place.inScope,
        owner: row.owner,
        grants: place.grants,
        kind: KINDS[row.kind],
        parents: parents.get(row.oid)?.map(({ parent }) => parent) ?? NONE,
        isPartition: row.is_partition,
        rlsEnabled: row.rls_enabled,
        rlsForced: row.rls_forced,
        estimatedRows: row.estimated_rows,
        tenantColumn,
        isRegistry: row.oid === registry,
        policies: own,
        policyClass: classKey(own, tenantColumn),
        indexes: indexes.get(row.oid)?.map((index) => assembleIndex(index, snapshot, schemaNames)) ?? NONE,
        foreignKeys: foreignKeys.get(row.oid)?.map(assembleForeignKey) ?? NONE,
        checksRows: snapshot.checkingTables.has(row.oid),
      },
    ];
  });
}

const ACTIONS = { a: '', r: 'restrict', c: 'cascade', n: 'set null', d: 'set default' } as const;

function assembleForeignKey(row: ForeignKeyRow): ForeignKeyFacts {
  const action = (event: string, what: string) => (what === '' ? '' : ` on ${event} ${what}`);
  return {
    name: row.name,
    table: row.table,
    columns: row.columns,
    columnNames: row.column_names,
    target: row.target,
    targetColumns: row.target_columns,
    targetColumnNames: row.target_column_names,
    deferrable: row.deferrable,
    actions: action('update', ACTIONS[row.on_update]) + action('delete', ACTIONS[row.on_delete]),
  };
}

/** The first of the configured columns that a table has; for the table of the tenants, its key. */
function tenantColumnsOf(
  { tenantColumns, referredColumns }: Snapshot,
  { columns }: TenancySettings,
): ReadonlyMap<number, ColumnFacts> {
  const found = new Map<number, ColumnFacts>();
  const byName = groupBy(tenantColumns, ({ name }) => name);
  for (const name of columns)
    for (const row of byName.get(name) ?? []) {
      const column = columnFacts(row);
      for (const relation of row.relations) if (!found.has(relation)) found.set(relation, column);
    }
  const [registry] = referredColumns;
  if (registry !== undefined) found.set(registry.relation, columnFacts(registry));
  return found;
}

export function columnFacts({
  number,
  name,
  type,
  category,
  not_null,
}: Omit<ColumnRow, 'relation' | 'acl'>): ColumnFacts {
  return { number, name, type, category, notNull: not_null };
}

const POLICY_COMMANDS = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' } as const;

function policiesByTable({
  policies,
  policiesOfOwnMaking,
  lookups,
}: Snapshot): ReadonlyMap<number, readonly PolicyFacts[]> {
  const found = new Map<number, PolicyFacts[]>();
  for (const row of policies) {
    const policy: PolicyFacts = {
      oid: row.oid,
      name: row.name,
      command: POLICY_COMMANDS[row.command] satisfies Command | 'ALL',
      permissive: row.permissive,
      roles: row.roles,
      using: row.using_hash ?? undefined,
      check: row.check_hash ?? undefined,
      texts: undefined,
      columns: row.columns,
      relations: row.relations,
      isPlain: row.is_of_columns && !policiesOfOwnMaking.has(row.oid),
      looksUp: row.relations.length > 0 || lookups.policies.has(row.oid),
    };
    const before = found.get(row.table);
    if (before === undefined) found.set(row.table, [policy]);
    else before.push(policy);
  }
  return found;
}

type ClassKeys = (policies: readonly PolicyFacts[], tenantColumn: ColumnFacts | undefined) => string | undefined;

/**
 * Makes keys that are equal for tables whose policies can be told apart by nothing that evaluation would notice; equal
 * ones are the same string, so that they are compared by no letter.
 */
function classKeys(): ClassKeys {
  const known = new Map<string, Map<ColumnFacts | undefined, string>>();
  return (policies, tenantColumn) => {
    if (policies.length === 0) return undefined;
    const parts = policies.length === 1 ? policyKey(policies[0]!) : policies.map(policyKey).sort().join('|');
    const byColumn = known.get(parts) ?? new Map<ColumnFacts | undefined, string>();
    known.set(parts, byColumn);
    const key = byColumn.get(tenantColumn) ?? `${tenantColumn?.number}|${tenantColumn?.type}|${parts}`;
    byColumn.set(tenantColumn, key);
    return key;
  };
}

function policyKey({ command, permissive, roles, using, check, columns }: PolicyFacts): string {
  const list = roles.length === 1 ? roles[0] : [...roles].sort().join('+');
  return `${command}:${permissive}:${list}:${using}:${check}:${columns.join('+')}`;
}

function assembleIndex(
  row: IndexRow,
  { leaks, indexDefinitions }: Snapshot,
  schemas: ReadonlyMap<number, string>,
): IndexFacts {
  return {
    oid: row.oid,
    name: row.name,
    schema: schemas.get(row.namespace) ?? '',
    method: row.method,
    columns: row.columns,
    usable: row.usable,
    partial: row.partial,
    unique: row.unique,
    leaky: leaksOfIndex(row, leaks),
    definition: indexDefinitions.get(row.oid),
  };
}

function assembleViews({ relations, viewDependencies }: Snapshot, relation: RelationPlace): ViewFacts[] {
  const reads = groupBy(viewDependencies, ({ view }) => view);
  return relations
    .filter(({ kind }) => kind === 'v' || kind === 'm')
    .map((row) => ({
      ...relation(row),
      kind: row.kind === 'm' ? 'materialized' : 'view',
      securityInvoker: row.options?.some(isSecurityInvoker) ?? false,
      reads: (reads.get(row.oid) ?? []).map(({ relation: read }) => read),
    }));
}

/** The option is stored as it was written (PostgreSQL docs, CREATE VIEW; boolean spellings in 8.6). */
function isSecurityInvoker(option: string): boolean {
  return /^security_invoker=(t|tr|tru|true|y|ye|yes|on|1)$/i.test(option);
}

type Place = (row: {
  readonly namespace: number;
  readonly name: string;
  readonly oid: number;
}) => Pick<FunctionFacts, 'oid' | 'schema' | 'name' | 'inScope'>;

function assembleDefiners({ definers, policyFunctions, roles }: Snapshot, place: Place): FunctionFacts[] {
  const rolesByName = new Map([...roles.values()].map(({ oid, name }) => [name, oid]));
  return definers.flatMap((row) => {
    const named = place(row);
    const settings = new Map((row.settings ?? []).map(splitSetting));
    // Within SECURITY DEFINER the server lets nobody take a role; one that is not there it cannot give.
    const runsAs = row.is_definer ? row.owner : rolesByName.get(settings.get('role') ?? '');
    if (runsAs === undefined) return [];
    return {
      ...named,
      arguments: row.arguments,
      owner: row.owner,
      runsAs,
      takesRole: !row.is_definer,
      executors: new Set(row.executors),
      settings,
      isTrigger: row.is_trigger,
      isProcedure: row.kind === 'p',
      givenArguments: row.given_arguments.map(({ has_default: hasDefault, is_variadic: isVariadic, ...one }) => ({
        ...one,
        hasDefault,
        isVariadic,
      })),
      isVolatile: row.is_volatile,
      returnsNothing: row.returns_nothing,
      isTrusted: row.is_trusted,
      source: row.source,
      relations: row.relations,
      users: row.users,
      servesPolicy: policyFunctions.has(row.oid),
    };
  });
}

function splitSetting(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** Whom requests and the application run as: API roles, those that are configured, and whoever was granted a table. */
function findClients(
  settings: TenancySettings,
  roles: ReadonlyMap<number, RoleFacts>,
  tables: readonly TableFacts[],
  apiRoles: readonly RoleFacts[],
  meantToBypass: readonly RoleFacts[],
): RoleFacts[] {
  const inScope = tables.filter((table) => table.inScope);
  const owners = new Set(inScope.map(({ owner }) => owner));
  const grantees = new Set(inScope.flatMap(({ grants }) => [...grants.keys()]));
  const configured = [...roles.values()].filter(({ name }) => settings.roles.includes(name));
  const others = [...roles.values()].filter(
    (role) => grantees.has(role.oid) && !owners.has(role.oid) && !bypasses(role) && !meantToBypass.includes(role),
  );
  return [...new Set([...apiRoles, ...configured, ...others])];
}

/** Clients, and the owners of tables that can be bound; the reader itself when there is nobody else. */
function findSubjects(
  tables: readonly TableFacts[],
  clients: readonly RoleFacts[],
  roles: ReadonlyMap<number, RoleFacts>,
  settings: TenancySettings,
  reader: RoleFacts,
): RoleFacts[] {
  const owners = [...new Set(tables.filter(({ inScope }) => inScope).map(({ owner }) => owner))];
  const bound = owners
    .flatMap((oid) => roles.get(oid) ?? [])
    .filter((role) => !bypasses(role) && !settings.bypassRoles.includes(role.name));
  const subjects = [...new Set([...clients.filter((role) => !bypasses(role)), ...bound])].slice(0, MOST_SUBJECTS);
  return subjects.length === 0 ? [reader] : subjects;
}
