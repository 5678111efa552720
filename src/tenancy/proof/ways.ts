import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import { callersOf, clientsWith, inOrder } from '../access.ts';
import { describeContext } from '../answers.ts';
import type {
  ArgumentFacts,
  ContextName,
  FunctionFacts,
  RlsFacts,
  RoleFacts,
  TableFacts,
  ViewFacts,
} from '../facts.ts';
import { displayPath, displaySignature } from '../names.ts';
import { sqlName } from '../proposal.ts';
import { tablesBehind } from '../views.ts';
import type { Call } from './calls.ts';
import { type Passage, passageOf } from './probes.ts';
import type { WayProof } from './proof.ts';
import type { Attempt, Tried } from './run-probes.ts';

/** A view or function that clients use and that may show them more than their policies would. */
export interface Way {
  readonly kind: WayProof['kind'];
  readonly object: string;
  readonly oid: number;
  /** What follows FROM; of a function without its arguments. */
  readonly from: string;
  /** Arguments that a function has to be called with; `undefined` of what is no function. */
  readonly parameters: readonly ArgumentFacts[] | undefined;
  /** Clients that RLS binds and that may use it. */
  readonly roles: readonly RoleFacts[];
  /** Tables of tenants whose rows may come out of it. */
  readonly tables: readonly TableFacts[];
  /** Why it cannot be tried. */
  readonly untried: string | undefined;
  /** Policies look up with it: it shows no rows, and is worth a word only if it does. */
  readonly servesPolicy: boolean;
}

/** A function and what its definition says. */
export interface Body {
  readonly name: string;
  readonly definition: string;
}

/**
 * All ways that lead around the policies of tables of tenants, views first.
 * @param bodies of every function that ways may call
 */
export function findWays(facts: RlsFacts, bodies: readonly Body[]): Way[] {
  const views = inOrder([...facts.views.values()].filter(({ inScope }) => inScope));
  const definers = facts.definers.filter(({ inScope, isTrigger }) => inScope && !isTrigger);
  return [
    ...views.flatMap((view) => wayOfView(facts, view)),
    ...definers.flatMap((one) => wayOfFunction(facts, one, bodies)),
  ];
}

function boundOf(facts: RlsFacts, roles: readonly RoleFacts[]): RoleFacts[] {
  return roles.filter((role) => facts.subjects.includes(role));
}

function wayOfView(facts: RlsFacts, view: ViewFacts): Way[] {
  const roles = boundOf(facts, clientsWith(facts, view, ['SELECT']));
  const tables = tenantTables(tablesBehind(facts, view).map(({ table }) => table));
  if (roles.length === 0 || tables.length === 0 || !leadsAround(facts, view)) return [];
  const { oid } = view;
  const kind = view.kind === 'view' ? 'view' : 'materialized view';
  return [
    {
      kind,
      object: displayPath(view),
      oid,
      from: sqlName(view),
      parameters: undefined,
      roles,
      tables,
      untried: undefined,
      servesPolicy: false,
    },
  ];
}

/** It, or a view that it reads, looks at tables as somebody else. */
function leadsAround(facts: RlsFacts, view: ViewFacts, seen: ReadonlySet<number> = new Set()): boolean {
  if (!view.securityInvoker) return true;
  const inner = view.reads.flatMap((oid) => (seen.has(oid) ? [] : (facts.views.get(oid) ?? [])));
  return inner.some((one) => leadsAround(facts, one, new Set([...seen, view.oid])));
}

function tenantTables(tables: readonly TableFacts[]): TableFacts[] {
  return [...new Set(tables)].filter(({ tenantColumn, kind }) => tenantColumn !== undefined && kind !== 'foreign');
}

function wayOfFunction(facts: RlsFacts, definer: FunctionFacts, bodies: readonly Body[]): Way[] {
  const roles = boundOf(facts, callersOf(facts, definer));
  const untried = whyUntried(definer);
  // What policies look up with is called for a row at a time, by the policies.
  const showsNothing = definer.returnsNothing && !definer.isProcedure;
  if (roles.length === 0 || showsNothing || (untried !== undefined && definer.servesPolicy)) return [];
  const kind = definer.isProcedure ? 'procedure' : 'function';
  const { oid, requiredArguments: parameters, servesPolicy } = definer;
  const about = { kind, object: displaySignature(definer), oid, from: sqlName(definer), parameters } as const;
  return [{ ...about, roles, tables: tablesRead(facts, definer, bodies), untried, servesPolicy }];
}

function whyUntried({ isProcedure, isVolatile, requiredArguments, servesPolicy }: FunctionFacts): string | undefined {
  if (isProcedure) return 'a procedure is called for what it does: calling it may do more than read';
  if (isVolatile) return 'it is VOLATILE: calling it may do more than read';
  const isOpen = servesPolicy && requiredArguments.length > 0;
  return isOpen ? 'policies call it with what stands in their rows' : undefined;
}

/**
 * Tables that a function may read, itself, through views or through functions that it calls: a guess that decides which
 * rows are made, and nothing else.
 */
function tablesRead(facts: RlsFacts, definer: FunctionFacts, bodies: readonly Body[]): TableFacts[] {
  const called = calledFrom(definer, bodies);
  const source = [definer.source, ...called.map(({ definition }) => definition)].join('\n');
  const isNamed = ({ oid, name }: { readonly oid: number; readonly name: string }) =>
    definer.relations.includes(oid) || isWordOf(source, name);
  const behind = [...facts.views.values()].filter(isNamed).flatMap((view) => tablesBehind(facts, view));
  return tenantTables([
    ...[...facts.tables.values()].filter((table) => isNamed(table)),
    ...behind.map(({ table }) => table),
  ]);
}

/** Functions whose names stand in a body, and in theirs. */
function calledFrom({ name, source }: FunctionFacts, bodies: readonly Body[]): readonly Body[] {
  // A body in standard SQL is no text: its definition is.
  const own = bodies.filter((body) => body.name === name);
  const found = new Set<Body>(source.trim() === '' ? own : []);
  const texts = [source, ...[...found].map(({ definition }) => definition)];
  for (let text = texts.pop(); text !== undefined; text = texts.pop())
    for (const body of bodies)
      if (!found.has(body) && isWordOf(text, body.name)) {
        found.add(body);
        texts.push(body.definition);
      }
  return [...found];
}

function isWordOf(source: string, name: string): boolean {
  if (!source.includes(name)) return false;
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w$])${escaped}(?![\\w$])`).test(source);
}

/** How a row of one of two tenants is told among those that come out of a way. */
export interface Marks {
  readonly own: readonly string[];
  readonly other: readonly string[];
}

/** Long enough to stand in no row but the one that was made. */
const UNLIKELY = /[0-9a-f]{12}|^[1-9][0-9]{9}$/i;

/** Values that are in the rows of one tenant and not in the other's. */
export function marksOf(own: ReadonlySet<string>, other: ReadonlySet<string>): Marks {
  const only = (values: ReadonlySet<string>, others: ReadonlySet<string>) =>
    [...values].filter((value) => UNLIKELY.test(value) && !others.has(value));
  return { own: only(own, other), other: only(other, own) };
}

/** Something that is tried on a way. */
export interface WayProbe {
  readonly role: RoleFacts;
  readonly context: ContextName;
  /** The tenant of the session. */
  readonly session: string;
  /** The own rows are to be seen; what is not made so that it may be seen is a leak. */
  readonly isControl: boolean;
  readonly statement: string;
  readonly attempt: Attempt;
}

interface ProbesOf {
  /** The tenant whose session it is. */
  readonly session: string;
  readonly way: Pick<Way, 'from' | 'roles' | 'parameters'>;
  /** Calls of a function with what belongs to the own tenant, and to the other. */
  readonly calls: { readonly own: readonly Call[]; readonly other: readonly Call[] };
  /** Rows of two tenants that were made; `undefined`: the rows that are there have to do. */
  readonly marks: Marks | undefined;
  /** The column of the way that says whose a row is. */
  readonly tenantColumn: string | undefined;
  settings(context: ContextName, role: RoleFacts): Readonly<Record<string, string>>;
}

/** A function is called where nothing can be written, whatever it calls itself. */
export const READ_ONLY = { transaction_read_only: 'on' } as const;

/** Everything that is tried in a context; `unset` has to be a session that never named a tenant. */
export function probesOfWay(setup: ProbesOf, context: ContextName): WayProbe[] {
  const { way, session, marks, calls, tenantColumn, settings } = setup;
  const probe = (role: RoleFacts, call: Call, condition: string | undefined, isControl = false): WayProbe[] => {
    if (condition === undefined) return [];
    const from = `${fromOf(way, call)} seen where ${condition} limit 1`;
    const attempt = {
      role: role.name,
      settings: { ...settings(context, role), ...READ_ONLY },
      sql: `select from ${from}`,
    };
    return [{ role, context, session, isControl, statement: `select * from ${from};`, attempt }];
  };
  const { own, other } = calls;
  return way.roles.flatMap((role) => [
    ...(marks !== undefined && context === 'own'
      ? own.flatMap((call) => probe(role, call, holds(marks.own, call), true))
      : []),
    ...(marks === undefined ? [] : other.flatMap((call) => probe(role, call, holds(marks.other, call)))),
    // Whoever names no tenant that there is may see no tenant's row.
    ...(tenantColumn !== undefined && context !== 'own'
      ? probe(role, own[0]!, `seen.${quoteIdentifier(tenantColumn)} is not null`)
      : []),
  ]);
}

/** The way as it stands behind FROM. */
export function fromOf({ from, parameters }: Pick<Way, 'from' | 'parameters'>, call: Call): string {
  return parameters === undefined ? from : `${from}(${call.arguments})`;
}

/** The row is told by a value that was not put into the call: a function may give back what it was given. */
function holds(values: readonly string[], call: Call): string | undefined {
  const told = values.filter((value) => !call.values.some((given) => given.includes(value)));
  if (told.length === 0) return undefined;
  return `seen::text like any (array[${told.map((value) => quoteLiteral(`%${value}%`)).join(', ')}])`;
}

/** One row of another tenant refutes; where not even the own one is seen, nothing is proved. */
export function judgeWay(
  way: Pick<Way, 'kind' | 'object' | 'roles'>,
  tried: readonly { readonly probe: WayProbe; readonly tried: Tried }[],
): WayProof {
  const about = { object: way.object, kind: way.kind };
  const passages = tried.map((one) => ({ ...one, passage: passageOf({ command: 'SELECT' }, one.tried) }));
  const leak = passages.find(({ probe, passage }) => !probe.isControl && passage === 'through');
  if (leak !== undefined) {
    const { role, context, statement } = leak.probe;
    const reason = `as ${role.name}: a row of another tenant comes through the ${way.kind} in ${describeContext(context)}`;
    return { ...about, verdict: 'refuted', reason, statement };
  }
  for (const role of way.roles) {
    const reason = whyOpen(passages.filter(({ probe }) => probe.role === role));
    if (reason !== undefined) return { ...about, verdict: 'not-provable', reason: `as ${role.name}: ${reason}` };
  }
  return { ...about, verdict: 'proved' };
}

function whyOpen(
  passages: readonly { readonly probe: WayProbe; readonly tried: Tried; readonly passage: Passage }[],
): string | undefined {
  for (const { passage } of passages) if (typeof passage === 'object') return passage.undecided;
  const controls = passages.filter(({ probe }) => probe.isControl);
  const sessions = new Set(controls.map(({ probe }) => probe.session));
  const shown = new Set(controls.flatMap(({ probe, passage }) => (passage === 'through' ? [probe.session] : [])));
  // Of what shows one row of many, the greatest, it may be by chance that it is not the other's.
  if (shown.size > 0 && shown.size === sessions.size) return undefined;
  const failed = controls.find(({ tried }) => 'error' in tried);
  if (failed !== undefined && 'error' in failed.tried) return failed.tried.error;
  return 'no row comes out of it of which it could be told whose it is';
}
