import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import { callersOf, clientsWith, hasPrivilege, inOrder } from '../access.ts';
import { describeContext } from '../answers.ts';
import type {
  ArgumentFacts,
  Command,
  ContextName,
  FunctionFacts,
  RlsFacts,
  RoleFacts,
  TableFacts,
  ViewFacts,
} from '../facts.ts';
import { displayPath, displaySignature } from '../names.ts';
import { sqlName } from '../proposal.ts';
import { reachesOut } from '../reaching-out.ts';
import { tablesBehind } from '../views.ts';
import type { Call } from './calls.ts';
import { type Passage, passageOf } from './probes.ts';
import type { WayProof } from './proof.ts';
import type { Attempt, Step, Tried } from './run-probes.ts';

/** A view or function that clients use and that may show them more than their policies would. */
export interface Way {
  readonly kind: WayProof['kind'];
  readonly object: string;
  readonly oid: number;
  /** What follows FROM; of a function without its arguments. */
  readonly from: string;
  /** Arguments that a function may be called with; `undefined` of what is no function. */
  readonly parameters: readonly ArgumentFacts[] | undefined;
  /** Clients that RLS binds and that may use it. */
  readonly roles: readonly RoleFacts[];
  /** Tables of tenants whose rows may come out of it. */
  readonly tables: readonly TableFacts[];
  /** Of a view: it and those that it reads, by OID. */
  readonly views: readonly number[];
  /** Of a function: its body, and what it calls. */
  readonly texts: readonly string[];
  /** Why it cannot be tried. */
  readonly untried: string | undefined;
  /** What else than SELECT each role may do with it, by OID. */
  readonly writers: ReadonlyMap<number, ReadonlySet<Command>>;
  /** It may write; `only`: and shows nothing. */
  readonly writes: boolean | 'only';
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
 * @param callsWriters what is called for what it does is called as well
 */
export function findWays(facts: RlsFacts, bodies: readonly Body[], callsWriters = false): Way[] {
  const views = inOrder([...facts.views.values()].filter(({ inScope }) => inScope));
  const definers = facts.definers.filter(({ inScope, isTrigger }) => inScope && !isTrigger);
  return [
    ...views.flatMap((view) => wayOfView(facts, view)),
    ...definers.flatMap((one) => wayOfFunction(facts, one, bodies, callsWriters)),
  ];
}

/** Those among roles that are tried. */
export function boundOf(facts: RlsFacts, roles: readonly RoleFacts[]): RoleFacts[] {
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
      views: viewsBehind(facts, view),
      texts: [],
      untried: undefined,
      writers: new Map(roles.map((role) => [role.oid, writesOf(role, view)])),
      writes: false,
      servesPolicy: false,
    },
  ];
}

function writesOf(role: RoleFacts, view: ViewFacts): ReadonlySet<Command> {
  return new Set((['INSERT', 'UPDATE'] as const).filter((command) => hasPrivilege(role, view, command)));
}

/** It, or a view that it reads, looks at tables as somebody else. */
function leadsAround(facts: RlsFacts, view: ViewFacts, seen: ReadonlySet<number> = new Set()): boolean {
  if (!view.securityInvoker) return true;
  const inner = view.reads.flatMap((oid) => (seen.has(oid) ? [] : (facts.views.get(oid) ?? [])));
  return inner.some((one) => leadsAround(facts, one, new Set([...seen, view.oid])));
}

function viewsBehind(facts: RlsFacts, view: ViewFacts, seen: readonly number[] = []): number[] {
  const inner = view.reads.flatMap((oid) => (seen.includes(oid) ? [] : (facts.views.get(oid) ?? [])));
  return [...new Set([view.oid, ...inner.flatMap((one) => viewsBehind(facts, one, [...seen, view.oid]))])];
}

/** Tables of which it can be told whose a row is. */
export function tenantTables(tables: readonly TableFacts[]): TableFacts[] {
  return [...new Set(tables)].filter(({ tenantColumn, kind }) => tenantColumn !== undefined && kind !== 'foreign');
}

function wayOfFunction(facts: RlsFacts, definer: FunctionFacts, bodies: readonly Body[], callsWriters: boolean): Way[] {
  const roles = boundOf(facts, callersOf(facts, definer));
  const untried = whyUntried(definer, bodies, callsWriters);
  const tables = tablesRead(facts, definer, bodies);
  const isIdle = definer.returnsNothing && !definer.isProcedure && (!definer.isVolatile || tables.length === 0);
  // What policies look up with is called for a row at a time, by the policies.
  if (roles.length === 0 || isIdle || (untried !== undefined && definer.servesPolicy)) return [];
  const kind = definer.isProcedure ? 'procedure' : 'function';
  const { oid, givenArguments: parameters, servesPolicy } = definer;
  const about = { kind, object: displaySignature(definer), oid, from: sqlName(definer), parameters } as const;
  const writes = definer.isProcedure || definer.returnsNothing ? 'only' : definer.isVolatile;
  const texts = textsOf(definer, bodies);
  return [{ ...about, roles, tables, views: [], texts, untried, writers: new Map(), writes, servesPolicy }];
}

function whyUntried(definer: FunctionFacts, bodies: readonly Body[], callsWriters: boolean): string | undefined {
  const { isProcedure, isVolatile, isTrusted, returnsNothing, givenArguments, servesPolicy } = definer;
  if (!isTrusted) return 'its language lets it out of the database: what it does there no rollback undoes';
  const [outside] = textsOf(definer, bodies).flatMap((text) => reachesOut(text) ?? []);
  if (outside !== undefined) return `it reaches out of its transaction (${outside}): that no rollback undoes`;
  const isForEffect = isProcedure || (returnsNothing && isVolatile);
  if (isForEffect && !callsWriters)
    return 'it is called for what it does: --call-volatile tries it, on a copy rather than in production';
  const isOpen = servesPolicy && givenArguments.some(({ hasDefault }) => !hasDefault);
  return isOpen ? 'policies call it with what stands in their rows' : undefined;
}

/**
 * Tables that a function may read, itself, through views or through functions that it calls: a guess that decides which
 * rows are made, and nothing else.
 */
function tablesRead(facts: RlsFacts, definer: FunctionFacts, bodies: readonly Body[]): TableFacts[] {
  const source = textsOf(definer, bodies).join('\n');
  const isNamed = ({ oid, name }: { readonly oid: number; readonly name: string }) =>
    definer.relations.includes(oid) || isWordOf(source, name);
  const behind = [...facts.views.values()].filter(isNamed).flatMap((view) => tablesBehind(facts, view));
  return tenantTables([
    ...[...facts.tables.values()].filter((table) => isNamed(table)),
    ...behind.map(({ table }) => table),
  ]);
}

function textsOf(definer: FunctionFacts, bodies: readonly Body[]): string[] {
  return [definer.source, ...calledFrom(definer, bodies).map(({ definition }) => definition)];
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
  /** What it does counts as much as what it shows. */
  readonly isCall?: boolean;
  /** One of those of the same name has to get as far as the policies: a constraint that refuses them all proves nothing. */
  readonly group?: string;
}

export interface ProbesOf {
  /** The tenant whose session it is. */
  readonly session: string;
  readonly way: Pick<Way, 'kind' | 'from' | 'roles' | 'parameters'>;
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

/** A table behind a way, and who sees what becomes of its rows. */
export interface Watched {
  /** Set to what there is of a tenant's rows before anything is called. */
  readonly before: Step;
  /** Whether that is so no longer. */
  readonly changed: Step;
}

/** Calls that are followed by a look at a tenant's rows: as many of one function in one session. */
const MOST_WATCHED = 4;

/**
 * Everything that a function or procedure is called with where it may write: the other tenant's rows must neither come
 * out of it nor be other than before; the own ones have to.
 * @param watched what is looked at after each call, of the session's own tenant and of the other
 */
export function probesOfCalls(
  setup: ProbesOf,
  watched: { readonly own: readonly Watched[]; readonly other: readonly Watched[] },
  context: ContextName,
): WayProbe[] {
  const { way, session, calls, marks, settings } = setup;
  const probes = (
    role: RoleFacts,
    call: Call,
    seen: readonly Watched[],
    values: readonly string[],
    isControl: boolean,
  ) =>
    seen.map(({ changed }): WayProbe => {
      const from = fromOf(way, call);
      const condition = holds(values, call) ?? 'false';
      const sql = way.kind === 'procedure' ? `call ${from}` : `select from ${from} seen where ${condition}`;
      const statement = way.kind === 'procedure' ? `call ${from};` : `select * from ${from};`;
      const attempt = { role: role.name, settings: settings(context, role), sql, effect: changed };
      return { role, context, session, isControl, statement, attempt, isCall: true };
    });
  const own = context === 'own' ? calls.own.slice(0, MOST_WATCHED) : [];
  return way.roles.flatMap((role) => [
    ...own.flatMap((call) => probes(role, call, watched.own, marks?.own ?? [], true)),
    ...own.flatMap((call) => probes(role, call, watched.other, marks?.other ?? [], false)),
    ...calls.other
      .slice(0, MOST_WATCHED)
      .flatMap((call) => probes(role, call, watched.other, marks?.other ?? [], false)),
  ]);
}

interface Writing {
  readonly tenantColumn: string;
  /** Columns of the view that are copied with a row. */
  readonly columns: readonly string[];
  /** Whom a row is given to. */
  readonly tenant: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The rows of that tenant. */
  readonly watched: Watched;
}

/** What is shown is given to another tenant through a view: a copy of it, and itself. */
export function writesThrough(
  { from, writers }: Way,
  role: RoleFacts,
  { tenantColumn, columns, tenant, settings, watched }: Writing,
): WayProbe[] {
  const to = quoteLiteral(tenant);
  const owner = quoteIdentifier(tenantColumn);
  const copied = columns.map(quoteIdentifier);
  const statements = {
    INSERT: `insert into ${from} (${[...copied, owner].join(', ')}) select ${[...copied, to].join(', ')} from ${from} limit 1`,
    UPDATE: `update ${from} set ${owner} = ${to}`,
  };
  return (['INSERT', 'UPDATE'] as const)
    .filter((command) => writers.get(role.oid)?.has(command))
    .map((command) => ({
      role,
      context: 'own',
      session: '',
      isControl: false,
      statement: `${statements[command]};`,
      attempt: { role: role.name, settings, sql: statements[command], verify: watched.changed },
    }));
}

/** The first that got through. */
export function writtenThrough(
  { kind, object }: Way,
  tried: readonly { readonly probe: WayProbe; readonly tried: Tried }[],
): WayProof | undefined {
  const leak = tried.find(({ tried: one }) => 'rows' in one && one.rows > 0);
  if (leak === undefined) return undefined;
  const { role, statement } = leak.probe;
  const reason = `as ${role.name}: a row is given to another tenant through the ${kind}, which writes as its owner`;
  return { object, kind, verdict: 'refuted', reason, statement };
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

/** Why nothing is learnt of what shows no row. */
export const UNTOLD_ROW = 'no row comes out of it of which it could be told whose it is';

/** One row of another tenant refutes; where not even the own one is seen, nothing is proved. */
export function judgeWay(
  way: Pick<Way, 'kind' | 'object' | 'roles'>,
  tried: readonly { readonly probe: WayProbe; readonly tried: Tried }[],
): WayProof {
  const about = { object: way.object, kind: way.kind };
  const passages = tried.map((one) => ({ ...one, passage: passageOf({ command: 'SELECT' }, one.tried) }));
  const leak = passages.find(({ probe, passage }) => !probe.isControl && passage === 'through');
  if (leak !== undefined) {
    const { role, context, statement, isCall } = leak.probe;
    const how = way.kind === 'rule' ? 'is written by' : isCall ? 'is shown or changed by' : 'comes through';
    const reason = `as ${role.name}: a row of another tenant ${how} the ${way.kind} in ${describeContext(context)}`;
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
  return UNTOLD_ROW;
}
