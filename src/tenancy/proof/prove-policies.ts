import { quoteLiteral } from '../../postgres/quote.ts';
import { appliesTo, hasPrivilege, isBound, reachesSchema } from '../access.ts';
import {
  audience,
  describeContext,
  describeRow,
  expressionsOf,
  founds,
  GATES,
  type Gate,
  NAMED,
  type Opening,
  openingsAt,
  remember,
  undecidedBecause,
  writesToAnother,
} from '../answers.ts';
import { CONTEXTS, type PolicyFacts, type RlsFacts, type RoleFacts, type TableFacts } from '../facts.ts';
import { ownerColumnOf } from '../lineage.ts';
import { listNames } from '../names.ts';
import { sqlColumns, sqlName } from '../proposal.ts';
import { concludeTable, LOOKED_UP, NOTHING_SHOWN, type RoleProof, type TableProof } from './proof.ts';

/** Proves a table from what its policies answered: no row of it is read. */
export function provePolicies(facts: RlsFacts, table: TableFacts): TableProof {
  const undecided = undecidedBecause(facts, table);
  const roles = audience(facts, table).map((role) => proveForRole(facts, table, role, undecided));
  const missed = facts.unreachable.map(
    (role): RoleProof => ({ role: role.name, outcome: 'undecided', reason: `${facts.reader.name} cannot become it` }),
  );
  return concludeTable(table, 'policies', withoutIdleRoles(facts, table, [...roles, ...missed]));
}

function proveForRole(facts: RlsFacts, table: TableFacts, role: RoleFacts, undecided: string | undefined): RoleProof {
  const about = { role: role.name };
  const gates = GATES.filter((gate) => hasPrivilege(role, table, gate.command));
  if (gates.length === 0 || !reachesSchema(facts, role, table.schema))
    return { ...about, outcome: 'denied', reason: 'nothing is granted to it' };
  if (!isBound(role, table)) {
    const statement = statementFor(table, gates[0]!);
    return { ...about, outcome: 'refuted', reason: 'RLS is not evaluated for it', statement };
  }
  if (undecided !== undefined) return { ...about, outcome: 'undecided', reason: undecided };
  if (!table.policies.some((policy) => policy.permissive && appliesTo(policy, role)))
    return { ...about, outcome: 'denied', reason: 'no policy is for it' };
  return judgeOpenings(facts, table, role, gates);
}

function judgeOpenings(facts: RlsFacts, table: TableFacts, role: RoleFacts, gates: readonly Gate[]): RoleProof {
  const about = { role: role.name };
  // Tables that are alike are let through alike, if they may do without a tenant alike.
  const question = `proof ${role.oid} ${gates.map(({ command, part }) => command + part)} ${ownerColumnOf(table)?.notNull}`;
  const { leaks, acts, assumes } = remember(facts, table, question, undefined, () => weigh(facts, table, role, gates));
  if (leaks) {
    const leak = openingsFor(facts, table, role, gates).find(
      (opening) => opening.row.assumes === undefined && isLeak(table, opening),
    )!;
    return {
      ...about,
      outcome: 'refuted',
      reason: `${leak.gate.command} passes ${describeRow(leak.row)} in ${describeContext(leak.context)}`,
      statement: statementFor(table, leak.gate, leak),
    };
  }
  if (assumes) {
    const opening = openingsFor(facts, table, role, gates).find((one) => isLeak(table, one))!;
    return { ...about, outcome: 'undecided', isForPeople: true, reason: whyForPeople(opening) };
  }
  // A policy that looks at half of a key is told from a sound one by rows that are alike in that half.
  if (acts && (table.lineage?.columns.length ?? 1) > 1) return { ...about, outcome: 'undecided', reason: BY_ROWS_ONLY };
  if (acts) return { ...about, outcome: 'proved' };
  if (table.tenantColumn === undefined) {
    if (looksElsewhere(table, role)) return { ...about, outcome: 'vacuous', reason: LOOKED_UP };
    // Whoever says what these sessions do not may be shown rows, and nobody knows whose.
    if (asksOfBoth(facts, table, role)) return { ...about, outcome: 'vacuous', reason: NOTHING_SHOWN };
    return { ...about, outcome: 'denied', reason: 'no policy opens a row to it' };
  }
  return { ...about, outcome: 'vacuous', reason: NOTHING_SHOWN };
}

const SHUT = 'its policies are false whatever the row and the session';

/** `using (false)`, restrictive, or as all there is: made of no column, no other table, no function and no clock. */
function isShut(facts: RlsFacts, table: TableFacts, role: RoleFacts): boolean {
  const expressions = expressionsOf(facts, table);
  const isFalse = (policy: PolicyFacts, key: string | undefined) => {
    const expression = expressions.get(key ?? '');
    if (expression === undefined || !policy.isPlain || policy.columns.length > 0 || policy.relations.length > 0)
      return false;
    if (expression.calls.length > 0 || /current|localtime|user/i.test(expression.text)) return false;
    const own = expression.evaluations.filter((one) => one.role === role.oid);
    return own.length > 0 && own.every(({ truths }) => truths.every((truth) => truth === false));
  };
  const applying = table.policies.filter((policy) => appliesTo(policy, role));
  const isFalseThroughout = (policy: PolicyFacts) =>
    policy.using !== undefined &&
    isFalse(policy, policy.using) &&
    (policy.check === undefined || isFalse(policy, policy.check));
  const permissive = applying.filter((policy) => policy.permissive);
  return (
    applying.some((policy) => !policy.permissive && policy.command === 'ALL' && isFalseThroughout(policy)) ||
    permissive.every(isFalseThroughout)
  );
}

/**
 * Where a table is proved for some, it says nothing against that if others are shut out. The owner who is bound may use
 * it through the same policies as a client for whom they are proved: what they ask of a session, such as the role in its
 * claims, no session of the owner has to have.
 */
export function withoutIdleRoles(
  facts: RlsFacts,
  table: TableFacts,
  roles: readonly RoleProof[],
): readonly RoleProof[] {
  const applying = (name: string) => {
    const role = facts.subjects.find((one) => one.name === name);
    return role && table.policies.map((policy) => appliesTo(policy, role)).join();
  };
  const isClient = (name: string) => facts.clients.some((one) => one.name === name);
  const proved = new Set(
    roles.filter(({ outcome, role }) => outcome === 'proved' && isClient(role)).map(({ role }) => applying(role)),
  );
  const isProved = roles.some(({ outcome }) => outcome === 'proved');
  return roles.map((one) => {
    if (one.outcome !== 'vacuous' || !isProved) return one;
    const role = facts.subjects.find(({ name }) => name === one.role);
    const denied = (reason: string): RoleProof => ({ role: one.role, outcome: 'denied', reason });
    if (role !== undefined && isShut(facts, table, role)) return denied(SHUT);
    const isIdle = !isClient(one.role) && proved.has(applying(one.role));
    return isIdle ? denied('no session of it is shown a row, as those of clients are') : one;
  });
}

const MOST_CONDITIONS = 3;

/** Nobody knows the row that would show it: a person who reads the condition does. */
function whyForPeople({ gate, context, row }: Opening): string {
  const whose = row.owner === 'none' ? 'a row without a tenant' : 'a row of another tenant';
  const conditions = listNames(row.assumes ?? [], MOST_CONDITIONS);
  return `${gate.command} passes ${whose} in ${describeContext(context)} if ${conditions} can hold for it, and no row was found for which it does: read the policy, and if it is meant so, say so in tenancy.exceptions`;
}

const BY_ROWS_ONLY = 'a key of several columns says whose a row is, which --prove=rows proves';

/** What opens no made-up row may open one that another table knows of; what never looks at the row opens none or all. */
function looksElsewhere(table: TableFacts, role: RoleFacts): boolean {
  return lookingPolicies(table, role).length > 0;
}

function lookingPolicies({ policies }: TableFacts, role: RoleFacts): PolicyFacts[] {
  return policies.filter(
    (policy) =>
      policy.permissive &&
      policy.looksUp &&
      appliesTo(policy, role) &&
      (policy.columns.length > 0 || policy.relations.length > 0),
  );
}

/** Some policy looks elsewhere whose a row is, and opened none of whoever asked: nobody knows what it opens to others. */
function hasSilentLookup(facts: RlsFacts, table: TableFacts, role: RoleFacts, gates: readonly Gate[]): boolean {
  return lookingPolicies(table, role).some((policy) =>
    gates.every((gate) => openingsAt(facts, table, [policy], { gate, role, context: 'own' }).length === 0),
  );
}

/** Some policy looks at the row and at what the session says of itself. */
function asksOfBoth(facts: RlsFacts, table: TableFacts, role: RoleFacts): boolean {
  const expressions = expressionsOf(facts, table);
  return table.policies.some((policy) => {
    if (!policy.permissive || !appliesTo(policy, role) || policy.columns.length === 0) return false;
    return [policy.using, policy.check].some((key) => {
      const { settings = [], claims = [] } = expressions.get(key ?? '') ?? {};
      return settings.length > 0 || claims.length > 0 || !policy.isPlain;
    });
  });
}

function openingsFor(facts: RlsFacts, table: TableFacts, role: RoleFacts, gates: readonly Gate[]): Opening[] {
  return gates.flatMap((gate) =>
    CONTEXTS.flatMap((context) => openingsAt(facts, table, table.policies, { gate, role, context })),
  );
}

function weigh(
  facts: RlsFacts,
  table: TableFacts,
  role: RoleFacts,
  gates: readonly Gate[],
): { readonly leaks: boolean; readonly acts: boolean; readonly assumes: boolean } {
  const all = openingsFor(facts, table, role, gates);
  const openings = all.filter(({ row }) => row.assumes === undefined);
  // The user who asks may be shown rows that are that user's alone: of what is looked up besides, they say nothing.
  const looks = hasSilentLookup(facts, table, role, gates);
  const isOwn = ({ row }: Opening) => row.owner === 'own' || (row.isPersonal && ownerColumnOf(table) === undefined);
  const isShown = (opening: Opening) => isOwn(opening) && !(opening.row.isPersonal && looks);
  const reads = openings.some((opening) => isShown(opening) && opening.gate.command === 'SELECT');
  // Who may write and never read proves itself by what may be written.
  const acts = reads || (!hasPrivilege(role, table, 'SELECT') && openings.some(isShown));
  const leaks = (among: readonly Opening[]) => among.some((opening) => isLeak(table, opening));
  return { leaks: leaks(openings), acts, assumes: leaks(all) };
}

/** A user's own row is the user's in whatever tenant; a row that must have a tenant cannot be without. */
function isLeak(table: TableFacts, { row, context, gate }: Opening): boolean {
  if (row.isPersonal && !writesToAnother(gate, row)) return false;
  if (founds(table, gate, row)) return false;
  if (row.owner === 'none') return !(ownerColumnOf(table)?.notNull ?? false);
  return row.owner === 'other' || !NAMED.includes(context);
}

/** What would get through, for people to try: blind statements, which no SELECT policy narrows. */
function statementFor(table: TableFacts, { command, part }: Gate, leak?: Opening): string {
  const name = sqlName(table);
  const tenant = ownerColumnOf(table)?.name;
  if (command === 'SELECT') return `select * from ${name};`;
  if (command === 'DELETE') return `delete from ${name};`;
  if (tenant === undefined)
    return command === 'INSERT' ? `insert into ${name} default values;` : `update ${name} set ...;`;
  const value = leak?.row.tenant == null ? 'null' : quoteLiteral(leak.row.tenant);
  if (command === 'INSERT') return `insert into ${name} (${sqlColumns([tenant])}) values (${value});`;
  return part === 'check'
    ? `update ${name} set ${sqlColumns([tenant])} = ${value};`
    : `update ${name} set ${sqlColumns([tenant])} = default;`;
}
