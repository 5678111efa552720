import { randomBytes } from 'node:crypto';
import { groupBy } from '../group-by.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { AskLimits } from './ask.ts';
import { settingsOf } from './contexts.ts';
import type { PlainSubject } from './evaluate.ts';
import type { ContextName, Evaluation, RoleFacts, Truth } from './facts.ts';

/** Subjects of one message: the server keeps a plan for each until its end. */
const BATCH = 250;

/**
 * Evaluates expressions that are made of nothing but the server's own functions over columns: each is planned once and
 * put to its rows in every context, as each of its roles. Such a plan holds whoever asks and whatever is set.
 * @returns the evaluations of each subject; `undefined` where it has to be asked in the long way
 */
export async function evaluatePlain(
  session: Session,
  subjects: readonly PlainSubject[],
  contexts: readonly ContextName[],
  limits: AskLimits,
): Promise<(Evaluation[] | undefined)[]> {
  const found: (Evaluation[] | undefined)[] = [];
  for (let at = 0; at < subjects.length; at += BATCH) {
    const batch = subjects.slice(at, at + BATCH);
    const rounds = roundsOf(batch, contexts);
    const answers = await run(session, batch, rounds, limits);
    found.push(...(answers === undefined ? batch.map(() => undefined) : readAnswers(batch, rounds, answers)));
  }
  return found;
}

/** What is said once for all the subjects that are asked in the same way. */
interface Round {
  readonly context: ContextName;
  readonly role: RoleFacts;
  readonly settings: Readonly<Record<string, string>>;
  /** Places of the subjects in their batch. */
  readonly members: number[];
}

function roundsOf(subjects: readonly PlainSubject[], contexts: readonly ContextName[]): Round[] {
  return contexts.flatMap((context) => {
    const rounds = new Map<string, Round>();
    for (const [place, subject] of subjects.entries())
      for (const role of subject.roles) {
        const settings = settingsOf(context, subject.source, subject.tenants, role.name, subject.reads);
        const key = `${role.oid} ${JSON.stringify(settings)}`;
        const round = rounds.get(key) ?? { context, role, settings, members: [] };
        rounds.set(key, round);
        round.members.push(place);
      }
    return [...rounds.values()];
  });
}

/** Truths as letters; of rows that were asked one by one, since one of them fails, a letter or error for each. */
type PlainAnswer = string | readonly (string | AnswerError)[] | null;
interface AnswerError {
  readonly error: string;
  readonly sqlState: string;
}

/** @returns for each round the answers of its members; `undefined` when something took too long */
async function run(
  session: Session,
  subjects: readonly PlainSubject[],
  rounds: readonly Round[],
  limits: AskLimits,
): Promise<readonly (readonly PlainAnswer[])[] | undefined> {
  const count = rounds.reduce((sum, { members }) => sum + members.length, 0);
  const answered = count > FEW ? [] : await runPlainly(session, subjects, rounds, limits);
  if (answered === undefined || answered.length === rounds.length) return answered;
  const rest = await runCarefully(session, subjects, rounds.slice(answered.length), limits);
  return rest && [...answered, ...rest];
}

/** So many answers are asked for by a statement each: what catches their errors costs as much as a hundred of them. */
const FEW = 100;

/**
 * As long as nothing fails, which ends the message.
 * @returns the answers of the rounds before that; `undefined` when something took too long
 */
async function runPlainly(
  session: Session,
  subjects: readonly PlainSubject[],
  rounds: readonly Round[],
  limits: AskLimits,
): Promise<readonly (readonly PlainAnswer[])[] | undefined> {
  const prefix = newPrefix();
  const strides = stridesOf(subjects, rounds);
  const given = Object.entries(givenBy(limits)).map(([name, value]) => `set local ${name} = ${quoteLiteral(value)}`);
  const once = strides.length === 1 ? askedOnce(subjects, strides[0]!) : undefined;
  if (once !== undefined) {
    const { values, error } = await session.readOnly([...given, ...once]);
    if (error !== undefined && serverError(error) === undefined) throw error;
    return serverError(error)?.code === SQLSTATE.canceled ? undefined : inOrder(rounds, strides, values);
  }
  const { values, error } = await session.readOnly([
    ...given,
    `select ${setting('aisha_db.outside', "pg_catalog.current_setting('role')")}`,
    ...subjects.map(
      (subject, place) => `prepare ${prefix}${place} (pg_catalog.text, pg_catalog.jsonb) as ${inEachContext(subject)}`,
    ),
    ...strides.flatMap((stride) =>
      stride.members.map(
        (place, at) => `execute ${prefix}${place} (${at === 0 ? entering(stride) : 'null'}, ${contextsOf(stride)})`,
      ),
    ),
    ...subjects.map((_, place) => `deallocate ${prefix}${place}`),
  ]);
  if (error !== undefined) await forget(session, prefix, error);
  if (serverError(error)?.code === SQLSTATE.canceled) return undefined;
  return inOrder(rounds, strides, values.slice(1));
}

/** What is put to its rows a single time need not be prepared; settings that are not made row by row come before that. */
function askedOnce(subjects: readonly PlainSubject[], { members, asked, role }: Stride): readonly string[] | undefined {
  const [place, ...others] = members;
  if (others.length > 0 || asked.length === 1) return undefined;
  return [
    `set local role ${quoteIdentifier(role.name)}`,
    inEachContext(subjects[place!]!, `${quoteLiteral(JSON.stringify(asked))}::pg_catalog.jsonb`),
  ];
}

/**
 * Rounds that are put to the same subjects as the same role, one behind the other; as that of the first of them where it
 * makes no difference: one that may call less only fails where that one is answered.
 */
interface Stride extends Pick<Round, 'role' | 'members'> {
  readonly rounds: readonly Round[];
  /** What is set, each once, and the place of each round among them: contexts that set the same are answered alike. */
  readonly asked: readonly Round['settings'][];
  readonly places: readonly number[];
}

/**
 * A subquery that depends on no row is worked out once in a statement: where there may be one, each round takes its own.
 * A setting that was never made is none any more once it was.
 */
function stridesOf(subjects: readonly PlainSubject[], rounds: readonly Round[]): Stride[] {
  const isOfQueries = subjects.some(({ text }) => /select/i.test(text));
  const isRoleBlind = subjects.every((subject) => subject.isRoleBlind);
  const groups = groupBy(rounds, (round) =>
    isOfQueries || isUntouched(round) ? round : `${isRoleBlind ? '' : round.role.oid} ${round.members}`,
  );
  return [...groups.values()].map((group) => {
    const keys = group.map(({ settings }) => JSON.stringify(settings));
    const distinct = [...new Set(keys)];
    return {
      role: group[0]!.role,
      members: group[0]!.members,
      rounds: group,
      asked: distinct.map((key) => group[keys.indexOf(key)]!.settings),
      places: keys.map((key) => distinct.indexOf(key)),
    };
  });
}

function isUntouched({ context, settings }: Round): boolean {
  return context === 'unset' && Object.keys(settings).length === 0;
}

/** The answers of the rounds before the first one that has not all of them. */
function inOrder(
  rounds: readonly Round[],
  strides: readonly Stride[],
  values: readonly PlainAnswer[],
): (readonly PlainAnswer[])[] {
  const found = new Map<Round, PlainAnswer[]>(rounds.map((round) => [round, []]));
  let at = 0;
  for (const { members, rounds: own, asked, places } of strides)
    for (const _ of members) {
      for (const [place, round] of own.entries())
        if (at + places[place]! < values.length) found.get(round)!.push(values[at + places[place]!]!);
      at += asked.length;
    }
  const all = [...found].map(([{ members }, answers]) => (answers.length === members.length ? answers : undefined));
  const end = all.indexOf(undefined);
  return all.slice(0, end === -1 ? all.length : end) as PlainAnswer[][];
}

/** A parameter, which is worked out before the statement that has it begins: as this role, and with these settings. */
function entering({ role, asked }: Stride): string {
  const settings = asked.length === 1 ? Object.entries(asked[0]!) : [];
  const steps = [
    setting('role', "pg_catalog.current_setting('aisha_db.outside')"),
    ...settings.map(([name, value]) => setting(name, quoteLiteral(value))),
    setting('role', quoteLiteral(role.name)),
  ];
  return `pg_catalog.concat(${steps.join(', ')})`;
}

function contextsOf({ asked }: Stride): string {
  return quoteLiteral(JSON.stringify(asked.length === 1 ? [{}] : asked));
}

/** One row for each of the settings, which are made before its answer is worked out. */
function inEachContext(subject: PlainSubject, settings = '$2'): string {
  return `select (${statementFor(subject, 'in each context')})
    from (
      select (
        select pg_catalog.count(pg_catalog.set_config(key, value, true)) from pg_catalog.jsonb_each_text(settings)
      ) as made
      from pg_catalog.jsonb_array_elements(${settings}) context (settings)
      offset 0
    ) aisha_db_context`;
}

function setting(name: string, value: string): string {
  return `pg_catalog.set_config(${quoteLiteral(name)}, ${value}, true)`;
}

const PROGRAM = randomBytes(6).toString('hex');
let prefixes = 0;

/** No name of a prepared statement is used again, nor one that somebody else may have given. */
function newPrefix(): string {
  return `aisha_db_${PROGRAM}_${++prefixes}_`;
}

function givenBy({ lockTimeoutMs, statementTimeoutMs }: AskLimits): Readonly<Record<string, string>> {
  return {
    lock_timeout: String(lockTimeoutMs),
    statement_timeout: String(statementTimeoutMs),
    plan_cache_mode: 'force_generic_plan',
    jit: 'off',
  };
}

/** Prepared statements outlive the transaction that made them. */
async function forget(session: Session, prefix: string, error: Error): Promise<void> {
  if (serverError(error) === undefined) throw error;
  await session.query(FORGET.replace('$prefix', prefix));
}

/** Errors and all, row by row where there are any. */
async function runCarefully(
  session: Session,
  subjects: readonly PlainSubject[],
  rounds: readonly Round[],
  limits: AskLimits,
): Promise<readonly (readonly PlainAnswer[])[] | undefined> {
  const prefix = newPrefix();
  const asked = rounds.map(({ role, settings, members }) => ({ role: role.name, settings, members }));
  const statements = subjects.map((subject) => ({
    sql: statementFor(subject, 'row by row'),
    rows: subject.rows.length,
  }));
  const given = {
    ...givenBy(limits),
    'aisha_db.prefix': prefix,
    'aisha_db.subjects': JSON.stringify(statements),
    'aisha_db.rounds': JSON.stringify(asked),
  };
  const settings = Object.entries(given).map(([name, value]) => setting(name, quoteLiteral(value)));
  const { values, error } = await session.readOnly([
    `select ${settings.join(', ')}`,
    RUN,
    "select pg_catalog.current_setting('aisha_db.answers')",
  ]);
  if (error === undefined) return JSON.parse(values.at(-1)!);
  await forget(session, prefix, error);
  return undefined;
}

const WHERE = {
  'in each context': 'aisha_db_context.made is not null',
  'row by row': '$1 is null or aisha_db_place = $1',
} as const;

/** All rows; row by row, those at the place that it is given, if any. A constant for each column is soon read. */
function statementFor({ text, table, columns, tenantColumn, rows }: PlainSubject, how: keyof typeof WHERE): string {
  const values = columns.map(({ name, type }) => ({
    name: quoteIdentifier(name),
    values: unnest(
      rows.map((row) => element(name === tenantColumn ? row.tenant : row.values[name])),
      type,
    ),
  }));
  const places = unnest(
    rows.map((_, place) => String(place)),
    'pg_catalog.int4',
  );
  // A table without columns has no rows either.
  const all =
    how === 'in each context' && values.length > 0 ? values : [{ name: 'aisha_db_place', values: places }, ...values];
  const source = `rows from (${all.map((one) => one.values).join(', ')}) as ${quoteIdentifier(table.name)} (${all.map(({ name }) => name).join(', ')})`;
  return `select pg_catalog.string_agg(case when answer then 't' when answer is null then 'n' else 'f' end, '') from (select (${text}) as answer from ${source} where ${WHERE[how]} offset 0) answers`;
}

function unnest(elements: readonly string[], type: string): string {
  return `pg_catalog.unnest(${quoteLiteral(`{${elements.join(',')}}`)}::${type}[])`;
}

/** An element of an array in its text form (PostgreSQL docs 8.15.6). */
function element(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function readAnswers(
  subjects: readonly PlainSubject[],
  rounds: readonly Round[],
  answers: readonly (readonly PlainAnswer[])[],
): (Evaluation[] | undefined)[] {
  const found: (Evaluation[] | undefined)[] = subjects.map(() => []);
  for (const [at, { context, role, members }] of rounds.entries())
    for (const [index, place] of members.entries()) {
      const answer = answers[at]![index];
      const truths = answer == null ? undefined : truthsOf(answer, subjects[place]!.rows.length);
      if (truths === undefined) found[place] = undefined;
      else found[place]?.push({ role: role.oid, context, truths });
    }
  return found;
}

const known = new Map<string, readonly Truth[]>();

/** Thousands of expressions answer alike: their answers are kept once. */
function truthsOf(answer: NonNullable<PlainAnswer>, rows: number): readonly Truth[] | undefined {
  if (typeof answer !== 'string') return answer.map(truthOf);
  if (answer.length !== rows) return undefined;
  const truths = known.get(answer) ?? [...answer].map(truthOf);
  known.set(answer, truths);
  return truths;
}

function truthOf(answer: string | AnswerError): Truth {
  if (typeof answer === 'object') return answer;
  return answer === 'n' ? null : answer === 't';
}

const RUN = `
do $run$
declare
  prefix pg_catalog.text := pg_catalog.current_setting('aisha_db.prefix');
  subjects pg_catalog.jsonb := pg_catalog.current_setting('aisha_db.subjects')::pg_catalog.jsonb;
  outside pg_catalog.text := pg_catalog.current_setting('role');
  prepared pg_catalog.bool[] := '{}';
  round pg_catalog.jsonb;
  subject pg_catalog.jsonb;
  member pg_catalog.int4;
  answer pg_catalog.text;
  single pg_catalog.jsonb[];
  answers pg_catalog.jsonb[];
  rounds pg_catalog.jsonb[] := '{}';
  state pg_catalog.text;
  message pg_catalog.text;
begin
  member := 0;
  for subject in select value from pg_catalog.jsonb_array_elements(subjects) loop
    begin
      execute 'prepare ' || prefix || member || ' (pg_catalog.int4) as ' || (subject ->> 'sql');
      prepared := prepared || true;
    exception
      when others then
        prepared := prepared || false;
    end;
    member := member + 1;
  end loop;
  for round in
    select value from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('aisha_db.rounds')::pg_catalog.jsonb)
  loop
    answers := '{}';
    perform pg_catalog.set_config('role', outside, true);
    perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(round -> 'settings');
    perform pg_catalog.set_config('role', round ->> 'role', true);
    for member in select value::pg_catalog.int4 from pg_catalog.jsonb_array_elements_text(round -> 'members') loop
      if not prepared[member + 1] then
        answers := answers || 'null'::pg_catalog.jsonb;
        continue;
      end if;
      begin
        execute 'execute ' || prefix || member || '(null)' into answer;
        answers := answers || pg_catalog.to_jsonb(answer);
      exception
        when others then
          single := '{}';
          for place in 0 .. (subjects -> member ->> 'rows')::pg_catalog.int4 - 1 loop
            begin
              execute 'execute ' || prefix || member || '(' || place || ')' into answer;
              single := single || pg_catalog.to_jsonb(answer);
            exception
              when others then
                get stacked diagnostics state = returned_sqlstate, message = message_text;
                single := single || pg_catalog.jsonb_build_object('error', message, 'sqlState', state);
            end;
          end loop;
          answers := answers || pg_catalog.to_jsonb(single);
      end;
    end loop;
    rounds := rounds || pg_catalog.to_jsonb(answers);
  end loop;
  perform pg_catalog.set_config('role', outside, true);
  for member in 0 .. pg_catalog.jsonb_array_length(subjects) - 1 loop
    if prepared[member + 1] then
      execute 'deallocate ' || prefix || member;
    end if;
  end loop;
  perform pg_catalog.set_config('aisha_db.answers', pg_catalog.to_jsonb(rounds)::pg_catalog.text, true);
end
$run$`;

const FORGET = `
do $forget$
declare
  statement pg_catalog.text;
begin
  for statement in
    select name from pg_catalog.pg_prepared_statements where pg_catalog.starts_with(name, '$prefix')
  loop
    execute 'deallocate ' || statement;
  end loop;
end
$forget$`;
