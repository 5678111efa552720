import { messageOf } from '../errors.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';

/** One query to run as a role with some settings; its answer is one text. */
export interface Question {
  readonly role: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly sql: string;
}

/** What the query said, or why it failed. */
export type Answer = { readonly text: string | null } | { readonly error: string; readonly sqlState: string };

export interface AskLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** Questions of one message: enough to save round trips, few enough for the timeout to be about one of them. */
const BATCH = 400;

/**
 * Asks many questions in read-only transactions, each in a subtransaction of its own, so that one that fails spoils no
 * other. Nothing is written, and what a question sets ends with it.
 */
export async function ask(session: Session, questions: readonly Question[], limits: AskLimits): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < questions.length; at += BATCH)
    answers.push(...(await askBatch(session, questions.slice(at, at + BATCH), limits)));
  return answers;
}

/**
 * Runs questions in a read-only transaction that is committed: what they leave in the session stays there. What fails
 * leaves nothing.
 */
export async function askAndKeep(session: Session, questions: readonly Question[], limits: AskLimits): Promise<void> {
  try {
    await begin(session, questions, limits);
    await session.query(KEEP);
    await session.query('commit');
  } catch (error) {
    if (serverError(error) === undefined) throw error;
    await session.undo();
  }
}

/** Begins the transaction in which they are asked, and leaves them there. */
async function begin(session: Session, questions: readonly Question[], limits: AskLimits): Promise<void> {
  await session.query('begin transaction read only');
  await session.query(
    `select set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true), set_config('aisha_db.questions', $3, true)`,
    [String(limits.lockTimeoutMs), String(limits.statementTimeoutMs), JSON.stringify(inRounds(questions))],
  );
}

async function askBatch(session: Session, questions: readonly Question[], limits: AskLimits): Promise<Answer[]> {
  try {
    return await askAtOnce(session, questions, limits);
  } catch (error) {
    if (serverError(error) === undefined) throw error;
    await session.undo();
    // A timeout ends the whole message; alone, the question that takes too long spoils only itself.
    if (questions.length === 1) return [{ error: messageOf(error), sqlState: (error as { code?: string }).code ?? '' }];
    const half = Math.ceil(questions.length / 2);
    const first = await askBatch(session, questions.slice(0, half), limits);
    return [...first, ...(await askBatch(session, questions.slice(half), limits))];
  }
}

async function askAtOnce(session: Session, questions: readonly Question[], limits: AskLimits): Promise<Answer[]> {
  await begin(session, questions, limits);
  await session.query(ASK);
  const [row] = await session.query<{ answers: Answer[] }>(
    "select current_setting('aisha_db.answers')::json as answers",
  );
  await session.query('rollback');
  return row!.answers;
}

/** What is said once for questions that follow each other and are asked in the same way. */
interface Round extends Omit<Question, 'sql'> {
  readonly sql: string[];
}

function inRounds(questions: readonly Question[]): Round[] {
  const rounds: Round[] = [];
  let last = '';
  for (const { role, settings, sql } of questions) {
    const way = JSON.stringify([role, settings]);
    if (way === last) rounds.at(-1)!.sql.push(sql);
    else rounds.push({ role, settings, sql: [sql] });
    last = way;
  }
  return rounds;
}

// A setting that ends with its subtransaction is what a block with an exception handler gives when it fails: so each
// block fails on purpose, and hands its answer out in the error. The outer one ends what its round has set.
const ASK = `
do $ask$
declare
  round pg_catalog.jsonb;
  questions pg_catalog.text[];
  question pg_catalog.text;
  answer pg_catalog.text;
  answers pg_catalog.jsonb[] := '{}';
  state pg_catalog.text;
  message pg_catalog.text;
begin
  for round in
    select value from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('aisha_db.questions')::pg_catalog.jsonb)
  loop
    questions := array(select pg_catalog.jsonb_array_elements_text(round -> 'sql'));
    begin
      perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(round -> 'settings');
      perform pg_catalog.set_config('role', round ->> 'role', true);
      foreach question in array questions loop
        begin
          execute question into answer;
          raise sqlstate 'AI000';
        exception
          when sqlstate 'AI000' then
            answers := answers || pg_catalog.jsonb_build_object('text', answer);
          when others then
            get stacked diagnostics state = returned_sqlstate, message = message_text;
            answers := answers || pg_catalog.jsonb_build_object('error', message, 'sqlState', state);
        end;
      end loop;
      raise sqlstate 'AI001';
    exception
      when sqlstate 'AI001' then
        null;
      when others then
        get stacked diagnostics state = returned_sqlstate, message = message_text;
        foreach question in array questions loop
          answers := answers || pg_catalog.jsonb_build_object('error', message, 'sqlState', state);
        end loop;
    end;
  end loop;
  perform pg_catalog.set_config('aisha_db.answers', pg_catalog.to_jsonb(answers)::pg_catalog.text, true);
end
$ask$`;

const KEEP = `
do $keep$
declare
  round pg_catalog.jsonb;
  question pg_catalog.text;
begin
  for round in
    select value from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('aisha_db.questions')::pg_catalog.jsonb)
  loop
    begin
      perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(round -> 'settings');
      perform pg_catalog.set_config('role', round ->> 'role', true);
      for question in select pg_catalog.jsonb_array_elements_text(round -> 'sql') loop
        begin
          execute question;
        exception
          when others then
            null;
        end;
      end loop;
    exception
      when others then
        null;
    end;
    perform pg_catalog.set_config('role', 'none', true);
  end loop;
end
$keep$`;
