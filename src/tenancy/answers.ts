import { quoteLiteral } from '../postgres/quote.ts';
import { appliesTo, isBound } from './access.ts';
import {
  CONTEXTS,
  type Command,
  type ContextName,
  type ExpressionFacts,
  type PolicyClass,
  type PolicyFacts,
  type RlsFacts,
  type RoleFacts,
  type SampleRow,
  type TableFacts,
  type Truth,
} from './facts.ts';
import { holdsTenantsOnce, ownerColumnOf } from './lineage.ts';
import { isFailure } from './truths.ts';

/** Where policies stand in the way: rows that are there are held against USING, rows that are written against CHECK. */
export const GATES = [
  { command: 'SELECT', part: 'using' },
  { command: 'INSERT', part: 'check' },
  { command: 'UPDATE', part: 'using' },
  { command: 'UPDATE', part: 'check' },
  { command: 'DELETE', part: 'using' },
] as const satisfies readonly { readonly command: Command; readonly part: 'using' | 'check' }[];
export type Gate = (typeof GATES)[number];

/** A row that a gate lets through. */
export interface Opening {
  readonly gate: Gate;
  readonly role: RoleFacts;
  readonly context: ContextName;
  readonly row: SampleRow;
}

/** Whose rows are let through, by what the session said. */
export interface Openings {
  /** The contexts in which the own tenant's are, as it should be. */
  readonly own: ReadonlySet<ContextName>;
  /** Another tenant's, or a tenant's to a session that names none. */
  readonly others: readonly Opening[];
  /** Rows without a tenant. */
  readonly ownerless: readonly Opening[];
  /** Rows that belong to the very user who asks, whatever their tenant. */
  readonly personal: readonly Opening[];
}

/** The class of a table's policies with its expressions, unless they could not be read. */
export function classOf(facts: RlsFacts, { policyClass }: TableFacts): PolicyClass | undefined {
  return policyClass === undefined ? undefined : facts.classes.get(policyClass);
}

/** The expressions of a table's policies; none when they could not be read. */
export function expressionsOf(facts: RlsFacts, table: TableFacts): ReadonlyMap<string, ExpressionFacts> {
  const expressions = classOf(facts, table)?.expressions;
  return expressions?.known ? expressions.value : NO_EXPRESSIONS;
}

const NO_EXPRESSIONS: ReadonlyMap<string, ExpressionFacts> = new Map();

/** The expression that a policy holds rows against at a gate; the server's rule that a missing check is the USING. */
function expressionAt({ using, check }: PolicyFacts, { part }: Pick<Gate, 'part'>): string | undefined {
  return part === 'using' ? using : (check ?? using);
}

export function covers({ command }: PolicyFacts, gate: Pick<Gate, 'command'>): boolean {
  return command === 'ALL' || command === gate.command;
}

/** What one expression answers for each row of the class; `undefined` where it was not evaluated. */
function truthsOf(
  facts: RlsFacts,
  table: TableFacts,
  key: string,
  role: RoleFacts,
  context: ContextName,
): readonly Truth[] | undefined {
  const evaluations = expressionsOf(facts, table).get(key)?.evaluations;
  return evaluations?.find((one) => one.role === role.oid && one.context === context)?.truths;
}

/** Rows that one policy lets through, all restrictive ones considered. */
export function openingsOf(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): Openings {
  // A policy for those who are meant to see everything may open everything.
  if (isForBypassers(facts, policy)) return NO_OPENINGS;
  const openings = remember(facts, table, 'opens', policy, () => findOpenings(facts, table, [policy]));
  return ofTable(facts, table, openings);
}

/** Rows that all policies of the table together let through. */
export function openingsOfTable(facts: RlsFacts, table: TableFacts): Openings {
  const openings = remember(facts, table, 'opens', undefined, () => findOpenings(facts, table, table.policies));
  return ofTable(facts, table, openings);
}

/** The same with the words of the table's own class. */
function ofTable(facts: RlsFacts, table: TableFacts, openings: Openings): Openings {
  const words = classOf(facts, table)?.words;
  if (words === undefined || words.size === 0) return openings;
  const { own, others, ownerless, personal } = openings;
  if (others.length + ownerless.length + personal.length === 0) return openings;
  const inOwn = (opening: Opening) => ({ ...opening, row: inWords(opening.row, words) });
  return { own, others: others.map(inOwn), ownerless: ownerless.map(inOwn), personal: personal.map(inOwn) };
}

function inWords(row: SampleRow, words: PolicyClass['words']): SampleRow {
  const values = Object.entries(row.values).map(([name, value]) => [name, words.get(value as string) ?? value]);
  const assumes = row.assumes?.map((text) =>
    text.replace(/'((?:[^']|'')*)'/g, (literal, word: string) => {
      const own = words.get(word.replaceAll("''", "'"));
      return own === undefined ? literal : quoteLiteral(own);
    }),
  );
  return { ...row, values: Object.fromEntries(values), assumes };
}

/** It is for those who are meant to see every tenant, and for nobody else. */
function isForBypassers(facts: RlsFacts, { roles }: PolicyFacts): boolean {
  return roles.every((oid) => facts.meantToBypass.has(oid));
}

/** Roles for which it matters what a table opens: its owner as well where rows are tenants', else clients. */
export function audience(facts: RlsFacts, { tenantColumn }: TableFacts): readonly RoleFacts[] {
  return tenantColumn === undefined ? facts.subjects.filter((role) => facts.clients.includes(role)) : facts.subjects;
}

/** Answers to questions about a table's policies together, and about each of them. */
type Memory = Map<string, Map<string, unknown>>;

const memories = new WeakMap<PolicyClass, Memory>();
const memoriesOfRows = new WeakMap<PolicyClass['rows'], Map<string, Memory>>();

/**
 * Tables of a class have the same answers, and so have classes that differ in words only: they are worked out once.
 * @param about one of the table's policies; `undefined`: all of them together
 */
export function remember<T>(
  facts: RlsFacts,
  table: TableFacts,
  question: string,
  about: PolicyFacts | undefined,
  compute: () => T,
): T {
  const memory = memoryOf(facts, table);
  if (memory === undefined) return compute();
  const isOnly = about === undefined || table.policies.length === 1;
  const key = isOnly ? String(about !== undefined) : keyOf(facts, table, about);
  // A table of tenants may have the policies of others, and be judged otherwise.
  const asked = holdsTenantsOnce(table) ? `${question} of tenants` : question;
  const answers = memory.get(asked) ?? new Map<string, unknown>();
  memory.set(asked, answers);
  if (!answers.has(key)) answers.set(key, compute());
  return answers.get(key) as T;
}

function memoryOf(facts: RlsFacts, table: TableFacts): Memory | undefined {
  const policyClass = classOf(facts, table);
  if (policyClass === undefined) return undefined;
  const known = memories.get(policyClass);
  if (known !== undefined) return known;
  const alike = memoriesOfRows.get(policyClass.rows) ?? new Map<string, Memory>();
  memoriesOfRows.set(policyClass.rows, alike);
  const key = [...table.policies.map((policy) => keyOf(facts, table, policy))].sort().join('|');
  const memory = alike.get(key) ?? new Map();
  alike.set(key, memory);
  memories.set(policyClass, memory);
  return memory;
}

const keys = new WeakMap<PolicyFacts, string>();

/** What makes a policy the same as one of another table or class: what it is and answers, not what it is called. */
function keyOf(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): string {
  const known = keys.get(policy);
  if (known !== undefined) return known;
  const { command, permissive, roles, using, check } = policy;
  const expressions = expressionsOf(facts, table);
  const [usingId, checkId] = [using, check].map((key) => idOf(expressions.get(key ?? '')));
  const key = `${command} ${permissive} ${roles.join()} ${usingId ?? using} ${checkId ?? check}`;
  keys.set(policy, key);
  return key;
}

const ids = new WeakMap<ExpressionFacts['evaluations'], number>();
let lastId = 0;

/** Expressions that differ in words only share their answers. */
function idOf(expression: ExpressionFacts | undefined): number | undefined {
  if (expression === undefined) return undefined;
  const { evaluations } = expression;
  if (!ids.has(evaluations)) ids.set(evaluations, ++lastId);
  return ids.get(evaluations);
}

const NO_OPENINGS: Openings = { own: new Set(), others: [], ownerless: [], personal: [] };

/** In these the session names a tenant that has rows: its own. */
export const NAMED: readonly ContextName[] = ['own', 'own-uppercase', 'forged', 'reused'];

function findOpenings(facts: RlsFacts, table: TableFacts, policies: readonly PolicyFacts[]): Openings {
  const own = new Set<ContextName>();
  const found = { own, others: [] as Opening[], ownerless: [] as Opening[], personal: [] as Opening[] };
  const rows = classOf(facts, table)?.rows ?? [];
  for (const role of audience(facts, table)) {
    // Most policies hold the same at every gate.
    const passed = new Map<string, readonly number[]>();
    for (const gate of GATES) {
      const held = policiesAt(table, policies, { gate, role });
      for (const context of CONTEXTS) {
        const key = JSON.stringify([context, held.permissive, held.restrictive]);
        const places = passed.get(key) ?? passing(facts, table, held, { role, context });
        passed.set(key, places);
        for (const place of places) {
          const row = rows[place]!;
          if (row.assumes !== undefined) continue;
          if (row.owner === 'own' && NAMED.includes(context)) own.add(context);
          else if (founds(table, gate, row)) continue;
          else if (row.isPersonal && !writesToAnother(gate, row)) found.personal.push({ gate, role, context, row });
          else (row.owner === 'none' ? found.ownerless : found.others).push({ gate, role, context, row });
        }
      }
    }
  }
  return found;
}

/** The row of a tenant that there is not yet. */
export function founds(table: TableFacts, { command }: Pick<Gate, 'command'>, { owner }: SampleRow): boolean {
  if (command !== 'INSERT' || !holdsTenantsOnce(table)) return false;
  return owner !== 'none' || table.tenantColumn!.notNull;
}

/** What users may see of themselves wherever they are is theirs; what they may write in another tenant is not. */
export function writesToAnother({ part }: Gate, { owner }: SampleRow): boolean {
  return part === 'check' && owner === 'other';
}

/**
 * Rows of the class that pass a gate: some permissive policy holds for them, and every restrictive one; also those of
 * which it was taken for granted that they satisfy some conditions.
 */
export function openingsAt(
  facts: RlsFacts,
  table: TableFacts,
  policies: readonly PolicyFacts[],
  at: Omit<Opening, 'row'>,
): Opening[] {
  const { rows = [], words = new Map() } = classOf(facts, table) ?? {};
  return passing(facts, table, policiesAt(table, policies, at), at).map((place) => ({
    ...at,
    row: inWords(rows[place]!, words),
  }));
}

/** The expressions that stand at a gate for a role. */
interface Standing {
  readonly permissive: readonly (string | undefined)[];
  readonly restrictive: readonly string[];
}

/** All restrictive policies of the table count, and of the permissive ones those that are given. */
function policiesAt(
  table: TableFacts,
  policies: readonly PolicyFacts[],
  { gate, role }: Pick<Opening, 'gate' | 'role'>,
): Standing {
  const stands = (policy: PolicyFacts) => covers(policy, gate) && appliesTo(policy, role);
  const expressions = (among: readonly PolicyFacts[], permissive: boolean) => [
    ...new Set(
      among
        .filter((policy) => policy.permissive === permissive && stands(policy))
        .map((policy) => expressionAt(policy, gate)),
    ),
  ];
  // A restrictive policy without an expression restricts nothing.
  const restrictive = expressions(table.policies, false).filter((key) => key !== undefined);
  return { permissive: expressions(policies, true), restrictive };
}

/** Places of the rows that pass. */
function passing(
  facts: RlsFacts,
  table: TableFacts,
  { permissive, restrictive }: Standing,
  { role, context }: Pick<Opening, 'role' | 'context'>,
): number[] {
  if (permissive.length === 0) return [];
  const truths = (key: string | undefined) =>
    key === undefined ? undefined : truthsOf(facts, table, key, role, context);
  const some = permissive.map(truths);
  if (!some.some((answers) => answers?.includes(true))) return [];
  const every = restrictive.map(truths);
  const places: number[] = [];
  const count = classOf(facts, table)?.rows.length ?? 0;
  for (let place = 0; place < count; place++)
    if (some.some((answers) => answers?.[place] === true) && every.every((answers) => answers?.[place] === true))
      places.push(place);
  return places;
}

/** True when a policy lets every tenant's row through, whatever the session says and whatever stands in the row. */
export function isAlwaysTrue(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  if (isForBypassers(facts, policy)) return false;
  return remember(facts, table, 'is always true', policy, () => opensEverything(facts, table, policy));
}

/** A session that never named a tenant first: hardly a policy opens everything to it. */
const TELLING: readonly ContextName[] = ['unset', 'own', 'unknown'];

function opensEverything(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  const counted = countedRows(facts, table);
  return audience(facts, table).some((role) =>
    GATES.some((gate) => letsAllThrough(facts, table, [policy], { gate, role, counted })),
  );
}

/**
 * True when a role may do something to every row by itself: no policy stands in its way, and none of the rows is a
 * tenant's. What leads around the policies of such a table leads nowhere.
 */
export function isOpenTo(facts: RlsFacts, table: TableFacts, role: RoleFacts, command: Command): boolean {
  if (ownerColumnOf(table) !== undefined) return false;
  if (!isBound(role, table)) return true;
  return remember(facts, table, `is open to ${role.oid} ${command}`, undefined, () => {
    const counted = countedRows(facts, table);
    return GATES.filter((gate) => gate.command === command).every((gate) =>
      letsAllThrough(facts, table, table.policies, { gate, role, counted }),
    );
  });
}

/** Places of the rows that whatever opens every row has to open. */
function countedRows(facts: RlsFacts, table: TableFacts): number[] {
  return (classOf(facts, table)?.rows ?? []).flatMap((row, place) =>
    row.assumes === undefined &&
    (row.owner !== 'none' || table.tenantColumn === undefined) &&
    Object.values(row.values).every((value) => value !== null)
      ? [place]
      : [],
  );
}

function letsAllThrough(
  facts: RlsFacts,
  table: TableFacts,
  policies: readonly PolicyFacts[],
  { gate, role, counted }: Pick<Opening, 'gate' | 'role'> & { readonly counted: readonly number[] },
): boolean {
  if (counted.length === 0) return false;
  const held = policiesAt(table, policies, { gate, role });
  return TELLING.every((context) => {
    const passed = passing(facts, table, held, { role, context });
    if (passed.length < counted.length) return false;
    const opened = new Set(passed);
    return counted.every((place) => opened.has(place));
  });
}

/** True when a policy lets rows of other tenants be written that it does not show. */
export function isCheckWeaker(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): boolean {
  const { using, check, permissive } = policy;
  if (!permissive || using === undefined || check === undefined || using === check) return false;
  if (ownerColumnOf(table) === undefined) return false;
  const { others } = openingsOf(facts, table, policy);
  return others.length > 0 && others.every(({ gate }) => gate.part === 'check');
}

/** Why a policy fails where a session names no tenant, or its own: messages of the server by context. */
export function errorsOf(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): ReadonlyMap<ContextName, string> {
  return remember(facts, table, 'errors', policy, () => findErrors(facts, table, policy));
}

function findErrors(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): ReadonlyMap<ContextName, string> {
  const found = new Map<ContextName, string>();
  for (const key of [policy.using, policy.check]) {
    const evaluations = key === undefined ? [] : (expressionsOf(facts, table).get(key)?.evaluations ?? []);
    for (const { context, truths } of evaluations)
      for (const truth of truths) if (isFailure(truth) && !found.has(context)) found.set(context, truth.error);
  }
  return found;
}

/** Why nothing can be said of a table's policies; `undefined` when they were evaluated. */
export function undecidedBecause(facts: RlsFacts, table: TableFacts): string | undefined {
  const policyClass = classOf(facts, table);
  if (policyClass === undefined) return undefined;
  const { expressions, openBecause } = policyClass;
  return expressions.known ? openBecause : expressions.reason;
}

/** `a row of another tenant with is_public = true`. */
export function describeRow({ owner, values, isNear, tenant }: SampleRow, none = 'a row without a tenant'): string {
  const near = isNear ? `, ${tenant}, whose identifier is like the own,` : '';
  const whose = `${{ own: 'a row of a tenant', other: 'a row of another tenant', none }[owner]}${near}`;
  const told = Object.entries(values).filter(([, value]) => value !== null);
  if (told.length === 0) return whose;
  return `${whose} with ${told.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(', ')}`;
}

/** `a session that names no tenant`. */
export function describeContext(context: ContextName): string {
  return {
    unset: 'a session that never named a tenant',
    own: 'a session of one tenant',
    'own-uppercase': 'a session that writes its tenant in capitals',
    empty: 'a session whose tenant is the empty string',
    'others-empty': 'a session that made its other settings in a transaction before and left them empty',
    garbage: 'a session whose tenant is no identifier at all',
    unknown: 'a session of a tenant that does not exist',
    reused: "a session that was another tenant's in a transaction before, which a function of the policy keeps",
    'reused-empty':
      "a session that names no tenant and was a tenant's in a transaction before, which a function of the policy keeps",
    forged: 'a session whose user_metadata, which users edit themselves, names another tenant or claims a right',
  }[context];
}
