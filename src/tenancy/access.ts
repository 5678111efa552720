import {
  type FunctionFacts,
  type Grants,
  type PolicyFacts,
  type Privilege,
  PUBLIC,
  type Relation,
  type RlsFacts,
  type RoleFacts,
  type TableFacts,
} from './facts.ts';

/** True when the role has the privilege, itself, through PUBLIC or through a role whose privileges it has. */
export function hasPrivilege(role: RoleFacts, { grants, owner }: Relation, privilege: Privilege): boolean {
  if (role.superuser || role.inherits.has(owner)) return true;
  return [PUBLIC, ...role.inherits].some((grantee) => grants.get(grantee)?.has(privilege));
}

/** True when the role may use the relation's schema at all. */
export function reachesSchema(facts: RlsFacts, role: RoleFacts, schema: string): boolean {
  const users = facts.usage.get(schema);
  return role.superuser || [PUBLIC, ...role.inherits].some((grantee) => users?.has(grantee));
}

/** The clients that have one of some privileges on whatever one owner has in a schema with the same list of grants. */
interface KnownClients {
  readonly owner: number;
  readonly privileges: readonly Privilege[];
  readonly clients: readonly RoleFacts[];
}

const clientsByGrants = new WeakMap<RlsFacts, WeakMap<Grants, Map<string, KnownClients[]>>>();

/** Clients that have one of the privileges on the relation and may use its schema. */
export function clientsWith(
  facts: RlsFacts,
  relation: Relation,
  privileges: readonly Privilege[],
): readonly RoleFacts[] {
  const { grants, owner, schema } = relation;
  const answers = answersFor(facts, grants, schema);
  // Thousands of tables have the same owner and the same list of grants.
  for (const known of answers) if (known.owner === owner && isSame(known.privileges, privileges)) return known.clients;
  const clients = facts.clients.filter(
    (role) =>
      reachesSchema(facts, role, schema) && privileges.some((privilege) => hasPrivilege(role, relation, privilege)),
  );
  answers.push({ owner, privileges, clients });
  return clients;
}

function answersFor(facts: RlsFacts, grants: Grants, schema: string): KnownClients[] {
  const byGrants = clientsByGrants.get(facts) ?? new WeakMap<Grants, Map<string, KnownClients[]>>();
  clientsByGrants.set(facts, byGrants);
  const bySchema = byGrants.get(grants) ?? new Map<string, KnownClients[]>();
  byGrants.set(grants, bySchema);
  const answers = bySchema.get(schema) ?? [];
  bySchema.set(schema, answers);
  return answers;
}

function isSame(one: readonly Privilege[], other: readonly Privilege[]): boolean {
  return one === other || (one.length === other.length && one.every((privilege, at) => privilege === other[at]));
}

/** Clients that may call a function, but for those that have the rights with which it runs anyway. */
export function callersOf(facts: RlsFacts, definer: FunctionFacts): RoleFacts[] {
  return facts.clients.filter(
    (role) =>
      reachesSchema(facts, role, definer.schema) &&
      [PUBLIC, ...role.inherits].some((oid) => definer.executors.has(oid)) &&
      !role.inherits.has(definer.runsAs) &&
      (!definer.takesRole || loginThatTakes(facts, role, definer) !== undefined),
  );
}

/**
 * Who is logged in when a client calls a function that takes a role: the server asks whether that login may become it,
 * not whether the caller may (PostgreSQL docs, SET ROLE). PostgREST's authenticator may become every role of the API.
 */
export function loginThatTakes(
  { roles }: RlsFacts,
  caller: RoleFacts,
  { owner, runsAs }: FunctionFacts,
): RoleFacts | undefined {
  return [...roles.values()].find(
    (role) =>
      role.login &&
      !bypasses(role) &&
      !role.inherits.has(owner) &&
      role.canBecome.has(caller.oid) &&
      role.canBecome.has(runsAs),
  );
}

/** Policies bind whoever has the privileges of one of their roles (PostgreSQL docs, CREATE POLICY). */
export function appliesTo({ roles }: Pick<PolicyFacts, 'roles'>, role: RoleFacts): boolean {
  return roles.some((oid) => oid === PUBLIC || role.inherits.has(oid));
}

/** RLS is never evaluated for this role (PostgreSQL docs 5.9). */
export function bypasses(role: RoleFacts): boolean {
  return role.superuser || role.bypassRls;
}

/** The policies of a table are evaluated for this role. */
export function isBound(role: RoleFacts, table: { rlsEnabled: boolean; rlsForced: boolean; owner: number }): boolean {
  if (!table.rlsEnabled || bypasses(role)) return false;
  return table.rlsForced || !role.inherits.has(table.owner);
}

const scopes = new WeakMap<RlsFacts, readonly TableFacts[]>();

/** Tables that are looked at, in the order of their names. */
export function tablesInScope(facts: RlsFacts): readonly TableFacts[] {
  const known = scopes.get(facts) ?? inOrder([...facts.tables.values()].filter((table) => table.inScope));
  scopes.set(facts, known);
  return known;
}

/** Those whose policies are in force. */
export function securedTables(facts: RlsFacts): readonly TableFacts[] {
  return tablesInScope(facts).filter((table) => table.rlsEnabled);
}

export function inOrder<T extends Pick<Relation, 'schema' | 'name'>>(relations: readonly T[]): T[] {
  const byText = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  return [...relations].sort((a, b) => byText(a.schema, b.schema) || byText(a.name, b.name));
}
