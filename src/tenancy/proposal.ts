import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { appliesTo } from './access.ts';
import { classOf, covers, errorsOf, expressionsOf, GATES, openingsOf, remember } from './answers.ts';
import type { FunctionFacts, Lineage, Named, PolicyFacts, RlsFacts, RoleFacts, TableFacts } from './facts.ts';
import { mendCalls } from './rewrite.ts';
import { isFailure } from './truths.ts';

/** A table, view or sequence in SQL. */
export function sqlName({ schema, name }: Pick<Named, 'schema' | 'name'>): string {
  return quoteQualified(schema, name);
}

/** A function or procedure in SQL. */
export function sqlSignature(definer: FunctionFacts): string {
  return `${sqlName(definer)}(${definer.arguments})`;
}

/** A list of columns in SQL. */
export function sqlColumns(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(', ');
}

/** Grantees in SQL; PUBLIC is a word, not a name. */
export function sqlGrantees(facts: RlsFacts, grantees: Iterable<number>): string {
  return [...grantees]
    .map((oid) => (oid === 0 ? 'public' : quoteIdentifier(facts.roles.get(oid)?.name ?? '')))
    .join(', ');
}

export function sqlRoles(roles: readonly RoleFacts[]): string {
  return roles.map(({ name }) => quoteIdentifier(name)).join(', ');
}

/**
 * The condition under which a row is the session's own: what most tables of the schema use and evaluation found sound,
 * else the plain comparison with the setting; `undefined` for a table without a tenant column.
 */
function tenantCondition(facts: RlsFacts, table: TableFacts): string | undefined {
  const { tenantColumn, lineage } = table;
  if (tenantColumn === undefined) return lineage === undefined ? undefined : lineageCondition(facts, lineage);
  const usual = usualConditions(facts).get(`${tenantColumn.type} ${tenantColumn.name}`);
  if (usual !== undefined) return usual;
  const told = toldBy(facts);
  if (told === undefined) return undefined;
  const cast = tenantColumn.category === 'S' ? '' : `::${tenantColumn.type}`;
  return `${quoteIdentifier(tenantColumn.name)} = (select ${told}${cast})`;
}

/** What a session says its tenant in. Where policies look it up, and none could be a model, nothing is proposed. */
function toldBy({ isSettingRead, tenantSettings, tenantClaims, tables }: RlsFacts): string | undefined {
  const looks = [...tables.values()].some(
    ({ inScope, policies }) => inScope && policies.some(({ looksUp }) => looksUp),
  );
  if (isSettingRead || (!looks && tenantClaims.length === 0))
    return `nullif(current_setting(${quoteLiteral(tenantSettings[0])}, true), '')`;
  const [path] = tenantClaims;
  if (path === undefined) return undefined;
  const keys = `{${path.map((key) => JSON.stringify(key)).join(',')}}`;
  return `(nullif(current_setting('request.jwt.claims', true), '')::jsonb #>> ${quoteLiteral(keys)})`;
}

/** A row is one's own if the row that it refers to is: what the policies of that table show. */
function lineageCondition(facts: RlsFacts, { keys: [key] }: Lineage): string {
  const target = facts.tables.get(key!.target)!;
  const columns = sqlColumns(key!.columnNames);
  const own = key!.columnNames.length === 1 ? columns : `(${columns})`;
  return `${own} in (select ${sqlColumns(key!.targetColumnNames)} from ${sqlName(target)})`;
}

const usual = new WeakMap<RlsFacts, ReadonlyMap<string, string>>();

/** The most frequent sound condition by type and name of the tenant column. */
function usualConditions(facts: RlsFacts): ReadonlyMap<string, string> {
  const known = usual.get(facts);
  if (known !== undefined) return known;
  const counts = new Map<string, Map<string, number>>();
  for (const table of facts.tables.values()) {
    const { tenantColumn } = table;
    if (!table.inScope || tenantColumn === undefined || table.isRegistry) continue;
    const column = `${tenantColumn.type} ${tenantColumn.name}`;
    for (const policy of table.policies.filter((one) => isModel(facts, table, one))) {
      const text = expressionsOf(facts, table).get(policy.using ?? '')?.text;
      if (text === undefined) continue;
      const texts = counts.get(column) ?? new Map<string, number>();
      counts.set(column, texts.set(text, (texts.get(text) ?? 0) + 1));
    }
  }
  const found = new Map(
    [...counts].map(([column, texts]) => [column, [...texts].sort(([, a], [, b]) => b - a)[0]![0]]),
  );
  usual.set(facts, found);
  return found;
}

/** A policy that shows the own rows, no others, reads nothing of the row but its tenant and fails nowhere. */
function isModel(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  return remember(facts, table, 'is a model', policy, () => mayBeModel(facts, table, policy));
}

function mayBeModel(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  if (!policy.permissive || policy.using === undefined || policy.columns.join() !== String(table.tenantColumn?.number))
    return false;
  const expression = expressionsOf(facts, table).get(policy.using);
  if (expression === undefined || !expression.perRow.known || expression.perRow.value.length > 0) return false;
  if (expression.roleComparisons.length > 0) return false;
  // A correlated condition names its own table.
  if (policy.relations.length > 0 && namesItsTable(facts, table, expression.text)) return false;
  const { own, others, ownerless } = openingsOf(facts, table, policy);
  const spellings = table.tenantColumn?.type === 'uuid' ? (['own', 'own-uppercase'] as const) : (['own'] as const);
  const showsOwn = spellings.every((spelling) => own.has(spelling));
  const fails = expression.evaluations.some(
    ({ context, truths }) => ['unset', 'empty', 'others-empty', 'own'].includes(context) && truths.some(isFailure),
  );
  return showsOwn && others.length === 0 && ownerless.length === 0 && !fails && classOf(facts, table) !== undefined;
}

function namesItsTable(facts: RlsFacts, table: TableFacts, text: string): boolean {
  const name = facts.tables.get(classOf(facts, table)?.table ?? table.oid)?.name ?? table.name;
  return text.includes(`${name}.`) || text.includes(`${quoteIdentifier(name)}.`);
}

/** One of a policy's expressions with its calls made well, and its settings guarded if they raise errors. */
export function mendedText(
  facts: RlsFacts,
  table: TableFacts,
  policy: PolicyFacts,
  part: 'using' | 'check',
): string | undefined {
  const key = policy[part];
  const expression = key === undefined ? undefined : expressionsOf(facts, table).get(key);
  if (expression === undefined) return undefined;
  const own = policy.texts?.[part];
  // The calls were found in the text of the class; in another table's text they stand elsewhere if names differ.
  if (own !== undefined && own !== expression.text) return undefined;
  const errors = errorsOf(facts, table, policy);
  const guard = (['empty', 'unset', 'others-empty'] as const).some((context) => errors.has(context));
  return mendCalls(expression.text, expression.calls, { guard });
}

/** `alter policy` with the given conditions where its command takes them. */
export function alterPolicy(
  table: TableFacts,
  policy: PolicyFacts,
  { using, check }: { readonly using?: string | undefined; readonly check?: string | undefined },
): string {
  const takesUsing = policy.command !== 'INSERT' && using !== undefined;
  const takesCheck = policy.command !== 'SELECT' && policy.command !== 'DELETE' && check !== undefined;
  const clauses = [takesUsing ? ` using (${using})` : '', takesCheck ? ` with check (${check})` : ''];
  return `alter policy ${quoteIdentifier(policy.name)} on ${sqlName(table)}${clauses.join('')};`;
}

/** The policy with the tenant's condition in place of its own; `undefined` for a table without a tenant column. */
export function restorePolicy(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): string | undefined {
  const condition = tenantCondition(facts, table);
  return condition === undefined ? undefined : alterPolicy(table, policy, { using: condition, check: condition });
}

/** A new policy with the tenant's condition, for whoever has a grant; `undefined` for a table without a tenant column. */
export function createPolicy(facts: RlsFacts, table: TableFacts, roles: readonly RoleFacts[] = []): string | undefined {
  const condition = tenantCondition(facts, table);
  if (condition === undefined) return undefined;
  const to = roles.length === 0 ? '' : ` to ${sqlRoles(roles)}`;
  const taken = new Set(table.policies.map(({ name }) => name));
  const names = ['tenant_isolation', ...Array.from({ length: taken.size }, (_, at) => `tenant_isolation_${at + 2}`)];
  const name = quoteIdentifier(names.find((one) => !taken.has(one))!);
  return `create policy ${name} on ${sqlName(table)}${to} using (${condition}) with check (${condition});`;
}

/** `revoke … from …` of privileges, from those whom they were granted to and the given roles have them through. */
export function revoke(
  facts: RlsFacts,
  relation: Parameters<typeof sqlName>[0] & { readonly grants: TableFacts['grants'] },
  roles: readonly RoleFacts[],
  privileges: 'all' | readonly string[],
): string {
  const through = new Set([0, ...roles.flatMap(({ inherits }) => [...inherits])]);
  const grantees = [...relation.grants]
    .filter(
      ([oid, held]) => through.has(oid) && (privileges === 'all' || privileges.some((one) => held.has(one as never))),
    )
    .map(([oid]) => oid);
  const what = privileges === 'all' ? 'all' : privileges.map((one) => one.toLowerCase()).join(', ');
  return `revoke ${what} on ${sqlName(relation)} from ${sqlGrantees(facts, grantees)};`;
}

type Uncovered = ReadonlySet<string>;

/** Commands at whose gates no permissive policy stands for a role. */
export function uncoveredCommands(facts: RlsFacts, table: TableFacts, role: RoleFacts): Uncovered {
  const known = remember(facts, table, 'commands without a policy', undefined, () => new Map<number, Uncovered>());
  const uncovered = known.get(role.oid) ?? findUncovered(table, role);
  known.set(role.oid, uncovered);
  return uncovered;
}

function findUncovered(table: TableFacts, role: RoleFacts): Uncovered {
  const covered = (gate: (typeof GATES)[number]) =>
    table.policies.some((policy) => policy.permissive && covers(policy, gate) && appliesTo(policy, role));
  return new Set(GATES.filter((gate) => !covered(gate)).map(({ command }) => command));
}
