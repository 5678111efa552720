import type { Session } from '../postgres/session.ts';
import { appliesTo } from './access.ts';
import type { AskLimits } from './ask.ts';
import { columnFacts } from './assemble.ts';
import { type PolicyText, readPolicyTexts } from './catalog/policies.ts';
import { type LabelledColumnRow, readColumnsOf } from './catalog/relations.ts';
import type { ContextSource } from './contexts.ts';
import { evaluate, findCallsPerRow, type Subject, whyNotEvaluated } from './evaluate.ts';
import type { Expression } from './expression.ts';
import type { ContextName, Evaluation, ExpressionFacts, Known, PolicyClass, RoleFacts, TableFacts } from './facts.ts';
import { loadParse, type Parse } from './parse.ts';
import { sampleRows, type Tenants } from './samples.ts';

/** What evaluation needs to know besides the tables. */
export interface EvaluationSetup {
  readonly subjects: readonly RoleFacts[];
  /** Subjects that the reader cannot become. */
  readonly unreachable: readonly RoleFacts[];
  readonly source: Omit<ContextSource, 'settings'>;
  /** Settings that are known to carry the tenant. */
  readonly settings: readonly string[];
  /** Settings that something reads: one of them may. */
  readonly candidates: readonly string[];
  readonly tenantsFor: (column: TableFacts['tenantColumn']) => Tenants;
  readonly limits: AskLimits;
}

export interface Evaluated {
  readonly classes: ReadonlyMap<string, PolicyClass>;
  /** The setting with which most classes showed their own rows. */
  readonly tenantSetting: string | undefined;
}

/** Evaluates the policies of tables, once for each class of tables whose policies are the same. */
export async function readClasses(
  session: Session,
  tables: readonly TableFacts[],
  setup: EvaluationSetup,
): Promise<Evaluated> {
  const drafts = await draftClasses(session, tables, setup);
  const tenantSetting = await evaluateAll(session, [...new Set(drafts.map(({ asked }) => asked))], setup);
  return { classes: new Map(drafts.map((draft) => [draft.key, finish(draft, setup)])), tenantSetting };
}

/** A class whose answers are still being collected. */
interface Draft {
  readonly key: string;
  readonly table: TableFacts;
  readonly rows: PolicyClass['rows'];
  readonly tenants: Tenants;
  readonly textsMissing: boolean;
  /** Text of each expression by its key. */
  readonly texts: ReadonlyMap<string, string>;
  readonly asked: Asked;
}

/** What is asked for a class, by text; classes that differ only in the places of their columns share it. */
type Asked = ReadonlyMap<string, DraftExpression>;

interface DraftExpression {
  readonly text: string;
  readonly syntax: Expression | undefined;
  subject: Subject;
  readonly evaluations: Evaluation[];
  perRow: Known<readonly string[]>;
}

async function draftClasses(session: Session, tables: readonly TableFacts[], setup: EvaluationSetup): Promise<Draft[]> {
  const chosen = await chooseTables(session, tables);
  if (chosen.length === 0) return [];
  const columns = await readColumnsOf(
    session,
    chosen.map(({ table }) => table.oid),
  );
  const parse = await loadParse();
  const shared = new Map<string, Asked>();
  return chosen.map(({ key, table, texts }) => {
    const own = columns.filter(({ relation }) => relation === table.oid);
    return draftClass(key, table, own, texts, parse, setup, shared);
  });
}

/** The table that is asked for its class, with the SQL of its policies. */
interface Chosen {
  readonly key: string;
  readonly table: TableFacts;
  readonly texts: ReadonlyMap<number, PolicyText>;
}

/** A table that somebody has locked does not tell its policies; another of its class may. */
const MOST_CANDIDATES = 3;

async function chooseTables(session: Session, tables: readonly TableFacts[]): Promise<Chosen[]> {
  const classes = new Map<string, TableFacts[]>();
  for (const table of tables) {
    if (table.policyClass === undefined) continue;
    const members = classes.get(table.policyClass);
    if (members === undefined) classes.set(table.policyClass, [table]);
    else members.push(table);
  }
  let chosen: Chosen[] = [...classes].map(([key, members]) => ({ key, table: members[0]!, texts: new Map() }));
  for (let attempt = 0; attempt < MOST_CANDIDATES; attempt++) {
    const open = chosen.filter(isOpen);
    if (open.length === 0) break;
    const candidate = ({ key, table }: Chosen) => classes.get(key)![attempt] ?? table;
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
  key: string,
  table: TableFacts,
  columns: readonly LabelledColumnRow[],
  texts: ReadonlyMap<number, PolicyText>,
  parse: Parse,
  setup: EvaluationSetup,
  shared: Map<string, Asked>,
): Draft {
  const found = textsByKey(table, texts);
  const syntaxes = new Map([...new Set(found.values())].sort().map((text) => [text, parse(text)]));
  const tenants = setup.tenantsFor(table.tenantColumn);
  const read = new Set(table.policies.flatMap((policy) => policy.columns));
  const readColumns = columns.filter(({ number }) => read.has(number) && number !== table.tenantColumn?.number);
  const rows = sampleRows({
    tenantColumn: table.tenantColumn,
    columns: readColumns.map((row) => ({ ...columnFacts(row), labels: row.labels })),
    constants: [...new Set([...syntaxes.values()].flatMap((syntax) => syntax?.constants ?? []))],
    tenants,
  });
  const roles = setup.subjects.filter((role) => table.policies.some((policy) => appliesTo(policy, role)));
  const source = { ...setup.source, settings: setup.settings };
  const subject = { table, tenantColumn: table.tenantColumn?.name, rows, tenants, source, roles };
  const same = JSON.stringify([
    [...syntaxes.keys()],
    [table.tenantColumn, ...readColumns].map((column) => [column?.name, column?.type]),
    rows,
    roles.map(({ oid }) => oid),
  ]);
  const asked = shared.get(same) ?? draftExpressions(syntaxes, subject);
  shared.set(same, asked);
  const textsMissing = table.policies.some(({ oid }) => !texts.has(oid));
  return { key, table, rows, tenants, textsMissing, texts: found, asked };
}

function draftExpressions(
  syntaxes: ReadonlyMap<string, Expression | undefined>,
  subject: Omit<Subject, 'text'>,
): Asked {
  return new Map(
    [...syntaxes].map(([text, syntax]) => [
      text,
      { text, syntax, subject: { ...subject, text }, evaluations: [], perRow: { known: true, value: [] } },
    ]),
  );
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

/**
 * Fills the drafts in. The order matters: what a session with no setting sees can only be asked before any was made.
 * @returns the setting that carries the tenant for most expressions
 */
async function evaluateAll(
  session: Session,
  classes: readonly Asked[],
  setup: EvaluationSetup,
): Promise<string | undefined> {
  const expressions = classes.flatMap((asked) => [...asked.values()]);
  await evaluateIn(session, expressions, 'unset', setup);
  await findSettings(session, classes, setup);
  for (const context of LATER_CONTEXTS) await evaluateIn(session, expressions, context, setup);
  await findRepeatedCalls(session, expressions, setup);
  return mostFrequent(expressions.flatMap(({ subject }) => subject.source.settings));
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
 * An application may call its setting as it likes. Where the known ones show nobody a row of its own, each that
 * something reads is tried; the one that does is that table's.
 */
async function findSettings(session: Session, classes: readonly Asked[], setup: EvaluationSetup): Promise<void> {
  const expressions = classes.flatMap((asked) => [...asked.values()]).filter((one) => whyStuck(one) === undefined);
  const answersOf = (among: readonly DraftExpression[]) =>
    evaluate(
      session,
      among.map(({ subject }) => subject),
      'own',
      setup.limits,
    );
  const first = await answersOf(expressions);
  const final = new Map(expressions.map((expression, at) => [expression, first[at]!]));
  const blind = classes.filter((asked) => {
    const own = [...asked.values()];
    return own.every((one) => final.has(one) && !showsOwn(one, final.get(one)!));
  });
  for (const asked of blind) {
    const own = [...asked.values()];
    const candidates = new Set([...own.flatMap(({ syntax }) => syntax?.settings ?? []), ...setup.candidates]);
    for (const name of candidates) {
      if (setup.settings.includes(name) || name === 'request.jwt.claims') continue;
      const tried = own.map((one) => ({
        ...one,
        subject: { ...one.subject, source: { ...one.subject.source, settings: [name] } },
      }));
      const answers = await answersOf(tried);
      if (!tried.some((one, at) => showsOwn(one, answers[at]!))) continue;
      for (const [at, one] of own.entries()) {
        one.subject = tried[at]!.subject;
        final.set(one, answers[at]!);
      }
      break;
    }
  }
  for (const [expression, answers] of final) expression.evaluations.push(...answers);
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
  const planned = expressions.filter((one) => one.subject.roles.length > 0 && whyStuck(one) === undefined);
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

function mostFrequent(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function finish({ table, rows, tenants, textsMissing, texts, asked }: Draft, setup: EvaluationSetup): PolicyClass {
  const about = { table: table.oid, rows, tenants, openBecause: whyOpen(table, asked, setup) };
  if (textsMissing)
    return { ...about, expressions: { known: false, reason: 'its policies could not be read: the table is locked' } };
  const value = [...texts].map(([key, text]): [string, ExpressionFacts] => {
    const { syntax, evaluations, perRow } = asked.get(text)!;
    return [
      key,
      {
        text,
        evaluations,
        perRow,
        roleComparisons: syntax?.roleComparisons ?? [],
        calls: syntax?.calls ?? [],
      },
    ];
  });
  return { ...about, expressions: { known: true, value: new Map(value) } };
}

function whyOpen(table: TableFacts, asked: Asked, { unreachable }: EvaluationSetup): string | undefined {
  const missed = unreachable.filter((role) => table.policies.some((policy) => appliesTo(policy, role)));
  if (missed.length > 0) return `cannot become ${missed.map(({ name }) => name).join(', ')}`;
  return [...asked.values()].map(whyStuck).find((reason) => reason !== undefined);
}

/** Why an expression is asked no more: what took too long once would take as long again. */
function whyStuck({ evaluations }: DraftExpression): string | undefined {
  for (const { truths } of evaluations)
    for (const truth of truths) if (whyNotEvaluated(truth) !== undefined) return whyNotEvaluated(truth);
  return undefined;
}
