import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type Answer, type AskLimits, ask, askAndKeep, type Question } from './ask.ts';
import { type ContextSource, settingsOf } from './contexts.ts';
import type { ColumnFacts, ContextName, Evaluation, Named, RoleFacts, SampleRow, Truth } from './facts.ts';
import { callsPerRow, type PlanCall } from './plan-calls.ts';
import type { Tenants } from './samples.ts';
import { isFailure } from './truths.ts';

/** An expression of a policy, ready to be evaluated. */
export interface Subject {
  readonly text: string;
  readonly table: Pick<Named, 'schema' | 'name'>;
  readonly tenantColumn: string | undefined;
  /** That column lists the tenants of a row. */
  readonly isList?: boolean | undefined;
  readonly rows: readonly SampleRow[];
  /** Rows for which some conditions are taken to hold, and the expression as it is then. */
  readonly assumed?: { readonly text: string; readonly rows: readonly SampleRow[] } | undefined;
  readonly tenants: Tenants;
  readonly source: ContextSource;
  /** Whom it is evaluated as. */
  readonly roles: readonly RoleFacts[];
}

/** An expression that is made of nothing but the server's own functions over columns of its table. */
export interface PlainSubject extends Subject {
  /** The columns that it reads, the tenant's among them. */
  readonly columns: readonly Pick<ColumnFacts, 'name' | 'type'>[];
  /** All settings that it reads, where that is known: others need not be made. */
  readonly reads?: readonly string[] | undefined;
  /** Every setting that it reads is cast to a UUID or a number at once. */
  readonly castsSettings: boolean;
  /** Where the settings are the same, so is its answer, whichever role asks. */
  readonly isRoleBlind?: boolean | undefined;
}

/** Evaluates each expression in a context, as each of its roles: a list of evaluations per expression. */
export async function evaluate(
  session: Session,
  subjects: readonly Subject[],
  context: ContextName,
  limits: AskLimits,
): Promise<Evaluation[][]> {
  const asked = subjects.flatMap((subject) =>
    subject.roles.map((role) => ({ subject, role, question: questionFor(subject, role, context, partsOf(subject)) })),
  );
  const answers = await ask(
    session,
    asked.map(({ question }) => question),
    limits,
  );
  const truths = answers.map((answer, at) => readTruths(answer, rowCount(asked[at]!.subject)));
  await askAlone(session, asked, truths, context, limits);
  const evaluations = asked.map(({ role }, at): Evaluation => ({ role: role.oid, context, truths: truths[at]! }));
  const bySubject = new Map(subjects.map((subject) => [subject, [] as Evaluation[]]));
  for (const [at, evaluation] of evaluations.entries()) bySubject.get(asked[at]!.subject)!.push(evaluation);
  return subjects.map((subject) => bySubject.get(subject)!);
}

/**
 * Evaluates expressions in a session that named another tenant in a transaction before, as connections of a pool do: what
 * a function kept of that tenant stands in the place of the own one.
 * @param session is used up by that
 */
export async function evaluateReused(
  session: Session,
  subjects: readonly Subject[],
  limits: AskLimits,
): Promise<Evaluation[][]> {
  const questions = subjects.flatMap((subject) => {
    const { own, other, unknown } = subject.tenants;
    const asOther = { ...subject, tenants: { own: other, other: own, unknown } };
    return subject.roles.map((role) => questionFor(asOther, role, 'own', partsOf(asOther)));
  });
  await askAndKeep(session, questions, limits);
  const named = await evaluate(session, subjects, 'reused', limits);
  const unnamed = await evaluate(session, subjects, 'reused-empty', limits);
  return named.map((evaluations, at) => [...evaluations, ...unnamed[at]!]);
}

/** The same where no session can be had that is nobody else's afterwards. */
export function notReused(subject: Subject): Evaluation[] {
  const truth = { error: 'no direct connection is to be had', sqlState: SQLSTATE.tooManyConnections };
  const truths = Array.from({ length: rowCount(subject) }, () => truth);
  return subject.roles.map(({ oid }) => ({ role: oid, context: 'reused', truths }));
}

interface Asked {
  readonly subject: Subject;
  readonly role: RoleFacts;
}

/** One row that makes the expression fail hides the answers for all others, so those are asked for one by one. */
async function askAlone(
  session: Session,
  asked: readonly Asked[],
  truths: Truth[][],
  context: ContextName,
  limits: AskLimits,
): Promise<void> {
  const failed = asked.flatMap((one, at) =>
    isFailure(truths[at]![0]) && whyNotEvaluated(truths[at]![0]) === undefined && rowCount(one.subject) > 1
      ? [{ ...one, at }]
      : [],
  );
  const single = failed.flatMap(({ subject, role, at }) =>
    partsOf(subject)
      .flatMap(({ text, rows }) => rows.map((row) => ({ text, rows: [row] })))
      .map((part, place) => ({ at, place, question: questionFor(subject, role, context, [part]) })),
  );
  const answers = await ask(
    session,
    single.map(({ question }) => question),
    limits,
  );
  for (const [index, answer] of answers.entries()) {
    const { at, place } = single[index]!;
    truths[at]![place] = readTruths(answer, 1)[0]!;
  }
}

/** Errors that say nothing about the policy: it was not evaluated to its end. */
const NOT_EVALUATED: Readonly<Record<string, string>> = {
  [SQLSTATE.lockNotAvailable]: 'a policy waits for a lock',
  [SQLSTATE.canceled]: 'a policy takes too long to evaluate',
  [SQLSTATE.readOnly]: 'a policy writes, which it may not here',
  [SQLSTATE.tooManyConnections]:
    'a policy may leave something in its session, and no direct connection is to be had for it',
};

export function whyNotEvaluated(truth: Truth | undefined): string | undefined {
  return isFailure(truth) ? NOT_EVALUATED[truth.sqlState] : undefined;
}

/** An expression and the rows that it is put to. */
interface Part {
  readonly text: string;
  readonly rows: readonly SampleRow[];
}

function partsOf({ text, rows, assumed }: Subject): Part[] {
  return assumed === undefined ? [{ text, rows }] : [{ text, rows }, assumed];
}

function rowCount({ rows, assumed }: Subject): number {
  return rows.length + (assumed?.rows.length ?? 0);
}

function questionFor(subject: Subject, role: RoleFacts, context: ContextName, parts: readonly Part[]): Question {
  const answers = parts.map(({ text, rows }) => `select (${text}) as answer from ${rowsOf(subject, rows)} offset 0`);
  const all = answers.length === 1 ? answers[0] : answers.map((one) => `(${one})`).join(' union all ');
  return {
    role: role.name,
    settings: settingsOf(context, subject.source, subject.tenants, role.name),
    sql: `select pg_catalog.string_agg(case when answer then 't' when answer is null then 'n' else 'f' end, '') from (${all}) answers`,
  };
}

/** The rows as if they were the table's: its type, its name, but none of its locks, grants or contents. */
function rowsOf({ table, tenantColumn, isList }: Subject, rows: readonly SampleRow[]): string {
  const objects = rows.map(({ values, tenant }) => ({
    ...values,
    ...(tenantColumn === undefined ? {} : { [tenantColumn]: isList && tenant !== null ? [tenant] : tenant }),
  }));
  const type = quoteQualified(table.schema, table.name);
  return `pg_catalog.jsonb_populate_recordset(null::${type}, ${quoteLiteral(JSON.stringify(objects))}) as ${quoteIdentifier(table.name)}`;
}

function readTruths(answer: Answer, count: number): Truth[] {
  if ('error' in answer) return Array.from({ length: count }, () => answer);
  return [...(answer.text ?? '')].map((letter) => (letter === 'n' ? null : letter === 't'));
}

/** The calls that the plan of each expression repeats for every row, or why there is no plan. */
export async function findCallsPerRow(
  session: Session,
  subjects: readonly Subject[],
  limits: AskLimits,
): Promise<(readonly PlanCall[] | { readonly error: string })[]> {
  const questions = subjects.map((subject) => ({
    role: subject.roles[0]!.name,
    settings: settingsOf('own', subject.source, subject.tenants, subject.roles[0]!.name),
    sql: `explain (verbose, costs off, format json) select from ${rowsOf(subject, [])} where ${subject.text}`,
  }));
  const answers = await ask(session, questions, limits);
  const calls = answers.map((answer) =>
    'error' in answer ? { error: answer.error } : callsPerRow(JSON.parse(answer.text ?? '[]')),
  );
  const names = calls.flatMap((found) => ('error' in found ? [] : found.map(({ name }) => name)));
  const changing = await readChangingFunctions(session, new Set(names));
  return calls.map((found) => ('error' in found ? found : found.filter(({ name }) => changing.has(name))));
}

/** Names of functions that are not IMMUTABLE: those that are were folded into constants, or depend on the row. */
async function readChangingFunctions(session: Session, names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  if (names.size === 0) return new Set();
  const rows = await session.query<{ name: string }>(
    "select distinct proname as name from pg_catalog.pg_proc where proname = any ($1::name[]) and provolatile <> 'i'",
    [[...names]],
  );
  return new Set(rows.map(({ name }) => name));
}
