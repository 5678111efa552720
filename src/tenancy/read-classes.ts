import { groupBy } from '../group-by.ts';
import { backendPid } from '../postgres/pooler.ts';
import type { Session } from '../postgres/session.ts';
import { appliesTo } from './access.ts';
import type { AskLimits } from './ask.ts';
import { columnFacts } from './assemble.ts';
import { assume } from './assumptions.ts';
import { readKeepers } from './catalog/keepers.ts';
import { readLastingSettings } from './catalog/lasting-settings.ts';
import { type PolicyText, readPolicyTexts } from './catalog/policies.ts';
import { type LabelledColumnRow, readSomeColumns } from './catalog/relations.ts';
import { type Claim, isForgeable, mayCarryTenant, TENANT } from './claim-paths.ts';
import type { ContextSource } from './contexts.ts';
import {
  evaluate,
  evaluateReused,
  findCallsPerRow,
  notReused,
  type PlainSubject,
  type Subject,
  whyNotEvaluated,
} from './evaluate.ts';
import { evaluatePlain } from './evaluate-plain.ts';
import type { Expression } from './expression.ts';
import type {
  ColumnFacts,
  ContextName,
  Evaluation,
  ExpressionFacts,
  Known,
  PolicyClass,
  RoleFacts,
  TableFacts,
} from './facts.ts';
import { isUserSetting } from './membership.ts';
import { loadParse } from './parse.ts';
import { assumedRows, isValueOfItsOwn, type SampleQuestion, sampleRows, type Tenants, triesAll } from './samples.ts';
import { chunksOf, shareOut } from './share-out.ts';
import { readSimply, type SimpleExpression } from './simple-expression.ts';
import { standInsFor, type UnmadeSettings } from './unmade.ts';
import { withoutValueFaults } from './value-faults.ts';
import { moveCalls, type ShapeWords, translate, type WordShape, wordShaping } from './word-shape.ts';

/** What evaluation needs to know besides the tables. */
export interface EvaluationSetup {
  readonly subjects: readonly RoleFacts[];
  /** Subjects that the reader cannot become. */
  readonly unreachable: readonly RoleFacts[];
  readonly source: Omit<ContextSource, 'settings'>;
  /** Settings that are known to carry the tenant. */
  readonly settings: readonly string[];
  /** Settings that something reads: one of them may. */
  readonly candidates: (session: Session) => Promise<readonly string[]>;
  /** Where functions take values from documents: one of those may be a claim that does. */
  readonly claims: (session: Session) => Promise<readonly Claim[]>;
  /** What functions take from what users say of themselves. */
  readonly forged: readonly Claim[];
  /** Settings that functions read and that carry the user. */
  readonly userSettings: readonly string[];
  readonly tenantsFor: (column: TableFacts['tenantColumn']) => Tenants;
  /** By table without a tenant's column: rows of two tenants that its rows may refer to. */
  readonly owners: ReadonlyMap<number, Tenants>;
  readonly limits: AskLimits;
  /** What is called for every row is found out as well: that is about speed alone. */
  readonly findsRepeatedCalls: boolean;
  /** What no made-up row may satisfy is also taken for granted: a proof asks that, a finding does not. */
  readonly assumes: boolean;
  /**
   * A session in which no setting was ever made, where that is not sure of the others, or what is not committed hidden
   * from it; none: they are such themselves.
   */
  readonly untouched?: Untouched | undefined;
  /** Opens a session in which settings may be left as no other one should find them. */
  readonly apart?: (() => Promise<Session | undefined>) | undefined;
  /** What was read of the policies already: their SQL, and every column that they read. */
  readonly known?:
    | { readonly texts: ReadonlyMap<number, PolicyText>; readonly columns: readonly LabelledColumnRow[] }
    | undefined;
}

/** A session in which no setting was ever made, and what is known of it. */
export interface Untouched {
  readonly session: Session;
  readonly settings: UnmadeSettings;
}

export interface Evaluated {
  readonly classes: ReadonlyMap<string, PolicyClass>;
  /** The settings with which some of the classes were asked. */
  readonly carriersOf: (keys: ReadonlySet<string>) => Carriers;
}

interface Carriers {
  /** The settings with which classes showed their own rows, that of most of them first. */
  readonly tenantSettings: readonly string[];
  /** The same of claims that nobody named. */
  readonly tenantClaims: readonly (readonly string[])[];
  /** Settings that something reads and that carry the user. */
  readonly userSettings: readonly string[];
}

const NO_CARRIERS: Carriers = { tenantSettings: [], tenantClaims: [], userSettings: [] };

/**
 * Evaluates the policies of tables, once for each class of tables whose policies are the same.
 * @param sessions share the work; no setting that carries a tenant was ever made in any of them
 */
export async function readClasses(
  sessions: readonly Session[],
  tables: readonly TableFacts[],
  setup: EvaluationSetup,
): Promise<Evaluated> {
  const classes = [...groupBy(tables.filter(hasClass), ({ policyClass }) => policyClass!)];
  if (classes.length === 0) return { classes: new Map(), carriersOf: () => NO_CARRIERS };
  const draft = await drafting(tables, setup);
  const chunks = chunksOf(classes, CHUNK);
  const lanes = sessions.map((session): Lane => ({ session, expressions: [], classes: [] }));
  const drafts: Draft[][] = [];
  // What a session with no setting sees can only be asked before any was made: of all, and first.
  await shareOut(lanes, chunks, async ({ session, expressions, classes: asked }, chunk, at) => {
    const drafted = await draft(session, chunk);
    drafts[at] = drafted.all;
    const added = drafted.fresh.flatMap(({ expressions: own }) => [...own.values()]);
    asked.push(...drafted.fresh);
    expressions.push(...added);
    if (setup.untouched === undefined) await evaluateUnset(session, added, setup);
  });
  await Promise.all(lanes.map((lane) => evaluateLane(lane, setup)));
  if (setup.findsRepeatedCalls) {
    await evaluateOthersEmpty(sessions[0]!, lanes, setup);
    await evaluateAfterAnother(sessions[0]!, lanes, setup);
  }
  const all = drafts.flat();
  const stuck = new Map([...new Set(all.map(({ asked }) => asked))].map((asked) => [asked, whyAnyStuck(asked)]));
  return {
    classes: new Map(all.map((one) => [one.key, finish(one, stuck.get(one.asked), setup)])),
    carriersOf: (keys) => carriersIn(new Set(all.filter(({ key }) => keys.has(key)).map(({ asked }) => asked))),
  };
}

function carriersIn(asked: ReadonlySet<Asked>): Carriers {
  return {
    tenantSettings: byFrequency(settingsIn(asked)),
    tenantClaims: [...new Map([...asked].flatMap(claimsIn)).values()],
    userSettings: [...new Set([...asked].flatMap(usersIn))],
  };
}

/** What one session has been given to do. */
interface Lane {
  readonly session: Session;
  readonly classes: Asked[];
  readonly expressions: DraftExpression[];
}

function hasClass({ policyClass }: TableFacts): boolean {
  return policyClass !== undefined;
}

/** Classes that are drafted and asked together: while the server evaluates some, others are taken apart here. */
const CHUNK = 250;

/** The settings of every expression, in the order of the tables, whichever lane asked it. */
function settingsIn(asked: Iterable<Asked>): string[] {
  return [...asked].flatMap(({ expressions }) =>
    [...expressions.values()].flatMap(({ subject }) => subject.source.settings),
  );
}

/** Claims that were found to carry the tenant, by their names. */
function claimsIn({ expressions }: Asked): (readonly [string, readonly string[]])[] {
  const found = [...expressions.values()].flatMap(({ subject }) => subject.source.found ?? []);
  return found.map((path) => [path.join('\0'), path]);
}

/** Settings that carry the user, of every expression. */
function usersIn({ expressions }: Asked): readonly string[] {
  return [...expressions.values()].flatMap(({ subject }) => subject.source.users ?? []);
}

/** A class whose answers are still being collected. */
interface Draft {
  readonly key: string;
  readonly table: TableFacts;
  readonly tenants: Tenants;
  readonly textsMissing: boolean;
  /** Each expression by its key. */
  readonly texts: ReadonlyMap<string, WordShape>;
  readonly asked: Asked;
  /** What the words of the expressions that are asked are in its own. */
  readonly words: ReadonlyMap<string, string>;
}

/** What is asked for a class; classes that differ only in words or in the places of their columns share it. */
interface Asked {
  readonly rows: PolicyClass['rows'];
  /** By their skeletons. */
  readonly expressions: ReadonlyMap<string, DraftExpression>;
}

interface DraftExpression {
  readonly shape: WordShape;
  readonly syntax: Syntax | undefined;
  subject: Subject;
  readonly plain: PlainSubject | undefined;
  /** The same, for which a setting that holds a stand-in was never made. */
  readonly unmade: PlainSubject | undefined;
  /** The same whatever it is made of, where its rows can be written down column by column. */
  readonly listed: PlainSubject | undefined;
  readonly evaluations: Evaluation[];
  /** The same once all are there, but for what made-up values alone are to blame for. */
  answers?: readonly Evaluation[];
  perRow: Known<readonly string[]>;
}

type Syntax = Expression & Partial<SimpleExpression>;

type ClassMembers = readonly [key: string, members: readonly TableFacts[]];

interface Drafted {
  readonly all: Draft[];
  /** Those that no class before asks. */
  readonly fresh: Asked[];
}

/** What takes expressions apart, and remembers. */
interface Tools {
  readonly parse: (text: string) => Syntax | undefined;
  readonly shapeWords: ShapeWords;
}

async function drafting(
  tables: readonly TableFacts[],
  setup: EvaluationSetup,
): Promise<(session: Session, classes: readonly ClassMembers[]) => Promise<Drafted>> {
  const tools = { parse: await chooseParse(tables, setup), shapeWords: wordShaping() };
  const shared = new Map<string, Asked>();
  return async (session, classes) => {
    const chosen = await chooseTables(session, classes, setup.known?.texts);
    const columns =
      setup.known === undefined ? await readColumns(session, chosen) : columnsOf(chosen, setup.known.columns);
    const byTable = groupBy(columns, ({ relation }) => relation);
    const known = new Set(shared.values());
    const all = chosen.map((one) => draftClass(one, byTable.get(one.table.oid) ?? [], tools, setup, shared));
    const fresh = new Set(all.map(({ asked }) => asked).filter((asked) => !known.has(asked)));
    return { all, fresh: [...fresh] };
  };
}

/** The grammar is not loaded for what is read without it; only findings ask what calls an expression makes. */
async function chooseParse(
  tables: readonly TableFacts[],
  { known, findsRepeatedCalls }: EvaluationSetup,
): Promise<Tools['parse']> {
  const texts = tables.flatMap(({ policies }) => policies.map(({ oid }) => known?.texts.get(oid)));
  const found = new Map<string, SimpleExpression>();
  const isSimple = (text: string | undefined) => {
    const simple = text === undefined ? undefined : readSimply(text);
    if (simple !== undefined) found.set(text!, simple);
    return text === undefined || simple !== undefined;
  };
  const isAllSimple = texts.every((text) => text !== undefined && isSimple(text.using) && isSimple(text.check));
  if (findsRepeatedCalls || !isAllSimple) return loadParse();
  return (text) => ({
    calls: [],
    roleComparisons: [],
    keys: NO_KEYS,
    claims: [],
    shaped: NO_COLUMNS,
    ...found.get(text)!,
  });
}

const NO_KEYS: ReadonlyMap<string, unknown> = new Map();
const NO_COLUMNS: ReadonlySet<string> = new Set();

/** The columns that the policies of tables read. */
function readColumns(session: Session, chosen: readonly Chosen[]): Promise<LabelledColumnRow[]> {
  const read = chosen.flatMap(({ table }) =>
    [...columnsRead(table)].map((number) => ({ relation: table.oid, number })),
  );
  return readSomeColumns(session, read);
}

function columnsOf(chosen: readonly Chosen[], columns: readonly LabelledColumnRow[]): LabelledColumnRow[] {
  const read = new Map(chosen.map(({ table }) => [table.oid, columnsRead(table)]));
  return columns.filter(({ relation, number }) => read.get(relation)?.has(number));
}

function columnsRead({ policies }: TableFacts): ReadonlySet<number> {
  return new Set(policies.flatMap((policy) => policy.columns));
}

/** The table that is asked for its class, with the SQL of its policies. */
interface Chosen {
  readonly key: string;
  readonly table: TableFacts;
  readonly texts: ReadonlyMap<number, PolicyText>;
}

/** A table that somebody has locked does not tell its policies; another of its class may. */
const MOST_CANDIDATES = 3;

async function chooseTables(
  session: Session,
  classes: readonly ClassMembers[],
  known: ReadonlyMap<number, PolicyText> = new Map(),
): Promise<Chosen[]> {
  const members = new Map(classes);
  let chosen: Chosen[] = classes.map(([key, [first]]) => ({ key, table: first!, texts: known }));
  for (let attempt = 0; attempt < MOST_CANDIDATES; attempt++) {
    const open = chosen.filter(isOpen);
    if (open.length === 0) break;
    const candidate = ({ key, table }: Chosen) => members.get(key)![attempt] ?? table;
    const texts = await readPolicyTexts(
      session,
      open.flatMap((one) => candidate(one).policies.map(({ oid }) => oid)),
    );
    chosen = chosen.map((one) => (isOpen(one) ? { ...one, table: candidate(one), texts } : one));
  }
  return chosen;
}

function isOpen({ table, texts }: Chosen): boolean {
  return table.policies.some(({ oid }) => !texts.has(oid));
}

function draftClass(
  { key, table, texts }: Chosen,
  columns: readonly LabelledColumnRow[],
  { parse, shapeWords }: Tools,
  setup: EvaluationSetup,
  shared: Map<string, Asked>,
): Draft {
  const found = textsByKey(table, texts);
  const owners = setup.owners.get(table.oid);
  const ownerColumn = table.tenantColumn ?? (owners && table.lineage?.column);
  const tenants = setup.tenantsFor(table.tenantColumn ?? table.lineage?.tenantColumn);
  const roles = setup.subjects.filter((role) => table.policies.some((policy) => appliesTo(policy, role)));
  const read = columns.filter(({ number }) => number !== ownerColumn?.number);
  const all = [ownerColumn, ...read].filter((column) => column !== undefined);
  const owned = ownersOf(ownerColumn, owners);
  // What is taken for granted is said in the class's own words.
  const assuming = [...new Set(found.values())].filter(
    (text) => setup.assumes && assume(text, { columns: readable(read), owners: owned, triedAll: true }) !== undefined,
  );
  const isPlain = assuming.length === 0 && table.policies.every((policy) => policy.isPlain) && all.every(isPlainColumn);
  const shapes = shapesOf([...new Set(found.values())].sort(), isPlain ? read : [], tenants, shapeWords);
  // Texts and types say which rows there are.
  const same = [
    ...shapes.map(({ skeleton }) => skeleton),
    ...assuming,
    ...all.map(({ name, type }) => `${name}\0${type}`),
    ...Object.values({ ...tenants, ...owners }),
    ownerColumn?.name,
    ...roles.map(({ oid }) => oid),
    isPlain,
  ].join('\0\0');
  const asked =
    shared.get(same) ?? draftAsked({ table, shapes, read, tenants, ownerColumn, owners, roles, isPlain }, parse, setup);
  shared.set(same, asked);
  const byText = new Map(shapes.map((shape) => [shape.text, shape]));
  return {
    key,
    table,
    tenants,
    textsMissing: table.policies.some(({ oid }) => !texts.has(oid)),
    texts: new Map([...found].map(([name, text]) => [name, byText.get(text)!])),
    asked,
    words: shapes.every(({ words }) => words.length === 0) ? NO_WORDS : translate(shapesAsked(asked), shapes),
  };
}

function readable(read: readonly LabelledColumnRow[]): SampleQuestion['columns'] {
  return read.map((row) => ({ ...columnFacts(row), labels: row.labels }));
}

/** Columns that say whose a row is. */
function ownersOf(ownerColumn: ColumnFacts | undefined, owners: Tenants | undefined): string[] {
  const names = [ownerColumn?.name, ...(owners?.companions ?? []).map(([column]) => column)];
  return names.filter((name) => name !== undefined);
}

const NO_WORDS: ReadonlyMap<string, string> = new Map();

function shapesAsked({ expressions }: Asked): WordShape[] {
  return [...expressions.values()].map(({ shape }) => shape);
}

/** Columns of text whose words may be left out of expressions: those of plain text. */
function shapesOf(
  texts: readonly string[],
  read: readonly LabelledColumnRow[],
  tenants: Tenants,
  shapeWords: ShapeWords,
): WordShape[] {
  const words = read.filter(({ category }) => category === 'S');
  // A column of another kind of text would hold the words too, and its operators may see more in them.
  if (words.length === 0 || words.some(({ type }) => !/^(text|character varying(\(\d+\))?)$/.test(type)))
    return texts.map((text) => ({ text, skeleton: text, words: [] }));
  const columns = words.map(({ name, type }) => {
    const room = /\((\d+)\)/.exec(type)?.[1];
    return { name, room: room === undefined ? undefined : Number(room) };
  });
  return shapeWords(texts, columns, (word) => isValueOfItsOwn(word, tenants));
}

interface ToAsk {
  readonly table: TableFacts;
  readonly shapes: readonly WordShape[];
  /** The columns that the expressions read, but for the tenant's. */
  readonly read: readonly LabelledColumnRow[];
  readonly tenants: Tenants;
  /** The column that says whose a row is. */
  readonly ownerColumn: ColumnFacts | undefined;
  /** What stands there in rows of the tenants; `undefined`: the tenants themselves. */
  readonly owners: Tenants | undefined;
  readonly roles: readonly RoleFacts[];
  readonly isPlain: boolean;
}

function draftAsked(
  { table, shapes, read, tenants, ownerColumn, owners, roles, isPlain }: ToAsk,
  parse: Tools['parse'],
  setup: EvaluationSetup,
): Asked {
  const syntaxes = shapes.map((shape) => ({ shape, syntax: parse(shape.text) }));
  const question = {
    columns: readable(read),
    constants: [...new Set(syntaxes.flatMap(({ syntax }) => syntax?.constants ?? []))],
    tenants: owners === undefined ? tenants : { ...owners, subject: tenants.subject },
    tenantKeys: setup.source.columns,
    isForProof: setup.assumes,
    // A key that is near another's may be a row of the own tenant as well.
    asksNear:
      setup.assumes &&
      owners === undefined &&
      syntaxes.some(({ syntax }) => syntax === undefined || isShaped(syntax, ownerColumn)),
  };
  const rows = sampleRows({ ...question, tenantColumn: ownerColumn });
  const triedAll = !setup.assumes || triesAll(question);
  const asOwned = { columns: question.columns, owners: ownersOf(ownerColumn, owners), triedAll };
  const assumptions = syntaxes.map(({ shape }) => (setup.assumes ? assume(shape.text, asOwned) : undefined));
  const granted = [...new Set(assumptions.flatMap((one) => one?.conditions ?? []))];
  const assumed = granted.length === 0 ? [] : assumedRows(rows, granted);
  const named = syntaxes.flatMap(({ syntax }) => syntax?.settings ?? []);
  const users = [...new Set([...named.filter(isUserSetting), ...setup.userSettings])];
  const keys = new Map(syntaxes.flatMap(({ syntax }) => [...(syntax?.keys ?? [])]));
  const forged = [
    ...setup.forged,
    ...syntaxes
      .flatMap(({ syntax }) => syntax?.claims ?? [])
      .filter(isForgeable)
      .map((path) => ({ path, wanted: keys.get(path.at(-1)!) ?? TENANT })),
  ];
  const source = { ...setup.source, settings: setup.settings, users, keys, forged };
  const isList = ownerColumn?.category === 'A';
  const subject = { table, tenantColumn: ownerColumn?.name, isList, rows, tenants, source, roles };
  const columns = [ownerColumn, ...read].filter((column) => column !== undefined);
  const expressions = syntaxes.map(({ shape, syntax }, at): [string, DraftExpression] => {
    const { text } = shape;
    const alone = { ...subject, text };
    const asked =
      assumed.length === 0 ? alone : { ...alone, assumed: { text: assumptions[at]?.text ?? text, rows: assumed } };
    const plain = plainSubject(asked, syntax, isPlain && assumed.length === 0 ? columns : undefined);
    const unmade =
      plain && syntax?.unmade !== undefined ? { ...plain, text: syntax.unmade, reads: syntax.settings } : undefined;
    const listed =
      assumed.length === 0 && columns.every(isPlainColumn) ? { ...asked, columns, castsSettings: false } : undefined;
    return [
      shape.skeleton,
      { shape, syntax, subject: asked, plain, unmade, listed, evaluations: [], perRow: { known: true, value: [] } },
    ];
  });
  return { rows: [...rows, ...assumed], expressions: new Map(expressions) };
}

function isShaped({ shaped }: Expression, column: ColumnFacts | undefined): boolean {
  return column !== undefined && (shaped.has(column.name) || shaped.has('*'));
}

/** Values of a domain are checked, and arrays of arrays are taken apart: such rows are made in another way. */
function isPlainColumn({ category }: Pick<ColumnFacts, 'category'>): boolean {
  return category !== 'X' && category !== 'A';
}

/** Settings that the expression itself makes would be there for the next one. */
function plainSubject(
  subject: Subject,
  syntax: Syntax | undefined,
  columns: PlainSubject['columns'] | undefined,
): PlainSubject | undefined {
  if (syntax === undefined || columns === undefined) return undefined;
  if (syntax.calls.some(({ name }) => /(^|\.)set_config$/.test(name))) return undefined;
  return { ...subject, columns, castsSettings: syntax.castsSettings, isRoleBlind: syntax.isRoleBlind };
}

function textsByKey(table: TableFacts, texts: ReadonlyMap<number, PolicyText>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { oid, using, check } of table.policies) {
    const text = texts.get(oid);
    if (using !== undefined && text?.using !== undefined) found.set(using, text.using);
    if (check !== undefined && text?.check !== undefined) found.set(check, text.check);
  }
  return found;
}

const LATER_CONTEXTS: readonly ContextName[] = ['own-uppercase', 'empty', 'garbage', 'unknown', 'forged'];
const NAMED_CONTEXTS: readonly ContextName[] = ['own', ...LATER_CONTEXTS];

async function evaluateUnset(
  session: Session,
  expressions: readonly DraftExpression[],
  setup: EvaluationSetup,
): Promise<void> {
  const quick = await answerQuickly(session, expressions, ['unset'], setup);
  for (const [expression, evaluations] of quick) expression.evaluations.push(...evaluations);
  const rest = expressions.filter((one) => !quick.has(one));
  await evaluateIn(session, rest, 'unset', setup);
}

/** Where one session is sure to be untouched and only the other one sees what is in hand, it takes both. */
async function evaluateLane(lane: Lane, setup: EvaluationSetup): Promise<void> {
  const { untouched } = setup;
  if (untouched === undefined) return evaluateNamed(lane, setup);
  if (lane.expressions.every(({ unmade }) => unmade !== undefined)) return evaluateWithStandIns(lane, untouched, setup);
  if (lane.expressions.every(isTheSameEverywhere)) {
    await Promise.all([evaluateUnset(untouched.session, lane.expressions, setup), evaluateNamed(lane, setup)]);
    return;
  }
  await evaluateUnsetInBoth(untouched.session, lane, setup);
  await evaluateNamed(lane, setup);
}

/** Where a stand-in can be set for what was never made, the session that sees what is in hand is asked everything. */
async function evaluateWithStandIns(lane: Lane, untouched: Untouched, setup: EvaluationSetup): Promise<void> {
  const { session, expressions } = lane;
  const names = [...new Set(expressions.flatMap(({ syntax }) => syntax?.settings ?? []))];
  const standIns = await standInsFor(untouched.session, names, untouched.settings);
  const standing = new Map(
    expressions.map((one) => [one, one.unmade && { ...one.unmade, source: { ...one.unmade.source, standIns } }]),
  );
  const quick = await answerQuickly(session, expressions, ['unset', ...NAMED_CONTEXTS], setup, (one) =>
    standing.get(one),
  );
  await evaluateNamed(lane, setup, quick);
  const rest = expressions.filter(({ evaluations }) => !evaluations.some(({ context }) => context === 'unset'));
  await evaluateUnset(untouched.session, rest, setup);
}

/** Made of nothing but what the server brings: types of a schema may not be committed yet. */
function isTheSameEverywhere({ plain }: DraftExpression): boolean {
  return plain?.columns.every(({ type }) => !type.includes('.')) === true;
}

/** What either of them lets through counts. */
async function evaluateUnsetInBoth(
  untouched: Session,
  { session, expressions }: Lane,
  setup: EvaluationSetup,
): Promise<void> {
  // What is in hand has locked what it changed, and does not end before this does: the type of its rows as well.
  const limits = { ...setup.limits, lockTimeoutMs: 1 };
  const listed = expressions.filter((one) => one.listed !== undefined);
  const subjects = listed.map((one) => one.listed!);
  const [there, here] = await Promise.all([
    evaluatePlain(untouched, subjects, ['unset'], limits),
    evaluate(
      session,
      expressions.map(({ subject }) => subject),
      'unset',
      setup.limits,
    ),
  ]);
  const told = new Map(listed.map((one, at) => [one, there[at]]));
  for (const [at, one] of expressions.entries())
    one.evaluations.push(...here[at]!.map((answers, place) => mostOpen(answers, told.get(one)?.[place])));
}

function mostOpen(one: Evaluation, other: Evaluation | undefined): Evaluation {
  return { ...one, truths: one.truths.map((truth, at) => other?.truths[at] === true || truth) };
}

/** Every context in which a session says something of its tenant. */
async function evaluateNamed(
  { session, classes, expressions }: Lane,
  setup: EvaluationSetup,
  answered?: QuickAnswers,
): Promise<void> {
  const quick = answered ?? (await answerQuickly(session, expressions, NAMED_CONTEXTS, setup));
  await findCarriers(session, classes, quick, setup);
  for (const [expression, evaluations] of quick)
    expression.evaluations.push(...evaluations.filter(({ context }) => context !== 'own'));
  const rest = expressions.filter((one) => !quick.has(one));
  for (const context of LATER_CONTEXTS) await evaluateIn(session, rest, context, setup);
  if (setup.findsRepeatedCalls) await findRepeatedCalls(session, expressions, setup);
}

/**
 * Settings beyond the tenant's are the empty string as well once the transaction that made them has ended, and stay that
 * in the session that is asked: it is one of its own, or else asked last, and what it lets through counts for nothing.
 */
async function evaluateOthersEmpty(session: Session, lanes: readonly Lane[], setup: EvaluationSetup): Promise<void> {
  const expressions = lanes.flatMap((lane) => lane.expressions);
  const candidates = expressions.some(({ plain }) => plain === undefined) ? await setup.candidates(session) : [];
  const read = new Map(expressions.map((one) => [one, othersRead(one, candidates)]));
  const kept = await readLastingSettings(session, [...new Set([...read.values()].flat())]);
  const emptied = expressions.flatMap((one) => {
    const others = read.get(one)!.filter((name) => !kept.has(name));
    return others.length === 0 ? [] : [{ one, others }];
  });
  const willing = emptied.filter(({ one }) => whyStuck(one) === undefined);
  if (willing.length === 0) return;
  const subjects = willing.map(({ one: { subject }, others }) => ({
    ...subject,
    source: { ...subject.source, others },
  }));
  const apart = (await setup.apart?.()) ?? session;
  const answers = await evaluate(apart, subjects, 'others-empty', setup.limits);
  for (const [at, { one }] of willing.entries()) one.evaluations.push(...answers[at]!);
}

/**
 * A function may keep the tenant of a session, and a pool gives the session to the next tenant: asked last, in a session
 * that nobody else asks any more, and only where a function of a policy may keep something.
 */
async function evaluateAfterAnother(session: Session, lanes: readonly Lane[], setup: EvaluationSetup): Promise<void> {
  const calling = lanes
    .flatMap((lane) => lane.expressions)
    .filter((one) => one.plain === undefined && whyStuck(one) === undefined);
  if (calling.length === 0 || setup.apart === undefined) return;
  const keepers = (await readKeepers(session)).map((name) => name.replaceAll('"', '""'));
  const willing = calling.filter(({ subject }) => keepers.some((name) => subject.text.includes(name)));
  if (willing.length === 0) return;
  const apart = await setup.apart();
  const subjects = willing.map(({ subject }) => subject);
  // Behind a pooler, what is left in a session would be there for whoever gets it next.
  const isOwn = apart !== undefined && (await backendPid(apart)) === apart.announcedPid;
  const answers = isOwn ? await evaluateReused(apart, subjects, setup.limits) : subjects.map(notReused);
  for (const [at, one] of willing.entries()) one.evaluations.push(...answers[at]!);
}

/** Settings of the application's own that the expression may read, but for those that carry the tenant. */
function othersRead(expression: DraftExpression, candidates: readonly string[]): string[] {
  const { syntax, subject, plain } = expression;
  const all = new Set([...(syntax?.settings ?? []), ...(plain === undefined ? candidates : [])]);
  const isOther = (name: string) =>
    name.includes('.') && !name.startsWith('request.') && !subject.source.settings.includes(name);
  return [...all].filter(isOther);
}

type QuickAnswers = Map<DraftExpression, readonly Evaluation[]>;

/** What is plain is answered for all contexts at once; what is not there has to be asked in the long way. */
async function answerQuickly(
  session: Session,
  expressions: readonly DraftExpression[],
  contexts: readonly ContextName[],
  { limits }: EvaluationSetup,
  subjectOf = ({ plain }: DraftExpression): PlainSubject | undefined => plain,
): Promise<QuickAnswers> {
  const ask = async (among: readonly DraftExpression[], at: readonly ContextName[]): Promise<QuickAnswers> => {
    const plain = among.flatMap((one) => subjectOf(one) ?? []);
    const answers = await evaluatePlain(session, plain, at, limits);
    return new Map(among.flatMap((one, place) => (answers[place] === undefined ? [] : [[one, answers[place]]])));
  };
  const plain = expressions.filter((one) => one.plain !== undefined && whyStuck(one) === undefined);
  if (!contexts.includes('garbage')) return ask(plain, contexts);
  const [casting, other] = [true, false].map((casts) => plain.filter((one) => one.plain!.castsSettings === casts));
  const anyway = await ask(other!, contexts);
  const sensible = await ask(
    casting!,
    contexts.filter((context) => context !== 'garbage'),
  );
  const open = new Set([...sensible].filter(([, evaluations]) => !isDeaf(evaluations)).map(([one]) => one));
  const garbage = await ask([...open], ['garbage']);
  const answered = [...sensible].flatMap(([one, evaluations]): [DraftExpression, readonly Evaluation[]][] => {
    const more = open.has(one) ? garbage.get(one) : evaluations.filter(isOfNobody).map(asGarbage);
    return more === undefined ? [] : [[one, [...evaluations, ...more]]];
  });
  return new Map([...anyway, ...answered]);
}

/**
 * A row that passes where the setting is nonsense, and where nonsense is nothing that could be cast, was let through
 * without a look at the setting: it passes in a session of a tenant that there is not. Where that sees nothing, nonsense
 * need not be asked, and in most databases that is where each row would have to fail for itself.
 */
function isDeaf(evaluations: readonly Evaluation[]): boolean {
  return evaluations.filter(isOfNobody).every(({ truths }) => !truths.includes(true));
}

function isOfNobody({ context }: Evaluation): boolean {
  return context === 'unknown';
}

function asGarbage(evaluation: Evaluation): Evaluation {
  return { ...evaluation, context: 'garbage' };
}

async function evaluateIn(
  session: Session,
  expressions: readonly DraftExpression[],
  context: ContextName,
  { limits }: EvaluationSetup,
): Promise<void> {
  const willing = expressions.filter((one) => whyStuck(one) === undefined);
  const answers = await evaluate(
    session,
    willing.map(({ subject }) => subject),
    context,
    limits,
  );
  for (const [at, expression] of willing.entries()) expression.evaluations.push(...answers[at]!);
}

/**
 * An application may call its setting, and the claim of its tokens, as it likes. Where the known ones show nobody a row
 * of its own, each that something reads is tried; the one that does is that table's.
 */
async function findCarriers(
  session: Session,
  classes: readonly Asked[],
  quick: QuickAnswers,
  setup: EvaluationSetup,
): Promise<void> {
  const expressions = classes
    .flatMap((asked) => [...asked.expressions.values()])
    .filter((one) => whyStuck(one) === undefined);
  const answersOf = (among: readonly DraftExpression[]) =>
    evaluate(
      session,
      among.map(({ subject }) => subject),
      'own',
      setup.limits,
    );
  const slow = expressions.filter((one) => !quick.has(one));
  const first = await answersOf(slow);
  const final = new Map<DraftExpression, readonly Evaluation[]>([
    ...[...quick].map(([one, answers]) => [one, answers.filter(({ context }) => context === 'own')] as const),
    ...slow.map((one, at) => [one, first[at]!] as const),
  ]);
  const blind = classes.filter((asked) => {
    const own = [...asked.expressions.values()];
    return own.every((one) => final.has(one) && !showsOwn(one, final.get(one)!));
  });
  const elsewhere = blind.some(mayReadElsewhere) ? await readCarriers(session, setup) : [];
  const proven: Carrier[] = [];
  for (const asked of blind) {
    const own = [...asked.expressions.values()];
    const named = carriersNamed(own.flatMap(({ syntax }) => syntax ?? []));
    const all = [...named, ...(mayReadElsewhere(asked) ? elsewhere : [])].filter(({ name }) => !isSaid(name, setup));
    const carriers = new Map(all.map((carrier) => [carrier.name, carrier]));
    // Most tables of a database are told apart by the same one.
    const inTurn = [...proven.filter(({ name }) => carriers.has(name)), ...carriers.values()];
    for (const carrier of new Set(inTurn)) {
      const tried = own.map((one) => ({
        ...one,
        subject: { ...one.subject, source: { ...one.subject.source, ...carrier.says } },
      }));
      const answers = await answersOf(tried);
      if (!tried.some((one, at) => showsOwn(one, answers[at]!))) continue;
      if (!proven.some(({ name }) => name === carrier.name)) proven.push(carrier);
      for (const [at, one] of own.entries()) {
        one.subject = tried[at]!.subject;
        final.set(one, answers[at]!);
        quick.delete(one);
      }
      break;
    }
  }
  for (const [expression, answers] of final) expression.evaluations.push(...answers);
}

/** What may carry the tenant, a setting or a claim. */
interface Carrier {
  readonly name: string;
  readonly says: Partial<Pick<ContextSource, 'settings' | 'found'>>;
}

/** So many claims are tried. */
const MOST_CLAIMS = 12;

async function readCarriers(session: Session, { candidates, claims }: EvaluationSetup): Promise<Carrier[]> {
  return carriersNamed([
    { settings: await candidates(session), claims: (await claims(session)).map(({ path }) => path) },
  ]);
}

function carriersNamed(among: readonly Pick<Syntax, 'settings' | 'claims'>[]): Carrier[] {
  const settings = among.flatMap((one) => one.settings);
  const claims = among
    .flatMap((one) => one.claims)
    .filter(mayCarryTenant)
    .slice(0, MOST_CLAIMS);
  return [
    ...settings.map((name) => ({ name, says: { settings: [name] } })),
    ...claims.map((path) => ({ name: `claim ${JSON.stringify(path)}`, says: { found: [path] } })),
  ];
}

function isSaid(name: string, { settings }: EvaluationSetup): boolean {
  return settings.includes(name) || name === 'request.jwt.claims';
}

/** Some expression calls what may read a setting, or none by its name. */
function mayReadElsewhere({ expressions }: Asked): boolean {
  return [...expressions.values()].some(({ plain, syntax }) => plain === undefined || syntax?.settings.length === 0);
}

/** A row of the own tenant is shown, and for being its own: a policy that is always true tells nothing of settings. */
function showsOwn({ subject: { rows } }: DraftExpression, answers: readonly Evaluation[]): boolean {
  return answers.some(({ truths }) => {
    const opened = (owner: string) => rows.some((row, at) => row.owner === owner && truths[at] === true);
    return opened('own') && !opened('other');
  });
}

async function findRepeatedCalls(
  session: Session,
  expressions: readonly DraftExpression[],
  { limits }: EvaluationSetup,
): Promise<void> {
  const planned = expressions.filter(
    (one) => one.subject.roles.length > 0 && whyStuck(one) === undefined && mayRepeatCalls(one),
  );
  const calls = await findCallsPerRow(
    session,
    planned.map(({ subject }) => subject),
    limits,
  );
  for (const [at, expression] of planned.entries()) {
    const found = calls[at]!;
    expression.perRow =
      'error' in found
        ? { known: false, reason: found.error }
        : { known: true, value: [...new Set(found.map(({ text }) => text))] };
  }
}

/** The server's own functions are not inlined: what stands in a subquery of its own, or reads a column, is as it looks. */
function mayRepeatCalls({ plain, syntax }: DraftExpression): boolean {
  return plain === undefined || syntax!.calls.some(({ isWrapped, readsColumns }) => !isWrapped && !readsColumns);
}

function byFrequency(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
}

function finish(
  { table, tenants, textsMissing, texts, asked, words }: Draft,
  stuckBecause: string | undefined,
  setup: EvaluationSetup,
): PolicyClass {
  const openBecause = whyUnreachable(table, setup) ?? stuckBecause;
  const about = { table: table.oid, rows: asked.rows, words, tenants, openBecause };
  if (textsMissing)
    return { ...about, expressions: { known: false, reason: 'its policies could not be read: the table is locked' } };
  const value = [...texts].map(([key, shape]): [string, ExpressionFacts] => {
    const expression = asked.expressions.get(shape.skeleton)!;
    const { shape: from, syntax, perRow } = expression;
    // One list for all that share it: what is alike is told by that.
    expression.answers ??= withoutValueFaults(expression.evaluations, asked.rows);
    const evaluations = expression.answers;
    return [
      key,
      {
        text: shape.text,
        evaluations,
        perRow,
        roleComparisons: syntax?.roleComparisons ?? [],
        settings: syntax?.settings ?? [],
        claims: syntax?.claims ?? [],
        calls: from === shape ? (syntax?.calls ?? []) : moveCalls(syntax?.calls ?? [], from, shape),
      },
    ];
  });
  return { ...about, expressions: { known: true, value: new Map(value) } };
}

function whyUnreachable(table: TableFacts, { unreachable }: EvaluationSetup): string | undefined {
  const missed = unreachable.filter((role) => table.policies.some((policy) => appliesTo(policy, role)));
  return missed.length === 0 ? undefined : `cannot become ${missed.map(({ name }) => name).join(', ')}`;
}

function whyAnyStuck({ expressions }: Asked): string | undefined {
  return [...expressions.values()].map(whyStuck).find((reason) => reason !== undefined);
}

/** Why an expression is asked no more: what took too long once would take as long again. */
function whyStuck({ evaluations }: DraftExpression): string | undefined {
  for (const { truths } of evaluations)
    for (const truth of truths) if (whyNotEvaluated(truth) !== undefined) return whyNotEvaluated(truth);
  return undefined;
}
