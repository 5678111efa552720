import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { LiveCheck } from './entry.ts';

/** What the live database said. */
export interface CheckAnswer {
  readonly question: string;
  readonly status: 'some' | 'none' | 'not asked' | 'failed';
  /** What that means, or why it could not be asked. */
  readonly conclusion: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A check only helps: it never waits for long, and never for a lock. */
const TIMEOUT_MS = 5_000;

/** Asks in a read-only transaction of its own; a check that fails leaves the others alone. */
export async function askDatabase(
  session: Session,
  check: LiveCheck,
  named: Readonly<Record<string, string>>,
): Promise<CheckAnswer> {
  const missing = check.parameters.filter((name) => named[name] === undefined);
  if (missing.length > 0) return notAsked(check, `the message does not name the ${missing.join(' and the ')}`);
  try {
    const begun = await session.script([
      `begin transaction read only; set local statement_timeout = ${TIMEOUT_MS}; set local lock_timeout = 250`,
    ]);
    if (begun.error !== undefined) throw begun.error;
    const values = check.parameters.map((name) => named[name]!);
    const { fields, rows } = await session.client.query<unknown[], unknown[]>({
      text: check.sql,
      values,
      rowMode: 'array',
    });
    const texts = rows.map((row) => row.map((value) => (value === null ? '' : String(value))));
    return {
      question: check.question,
      status: texts.length > 0 ? 'some' : 'none',
      conclusion: texts.length > 0 ? check.some : check.none,
      columns: fields.map(({ name }) => name),
      rows: texts,
    };
  } catch (error) {
    const failure = serverError(error);
    // A lost connection is for the run, not for one question.
    if (failure === undefined) throw error;
    return { ...notAsked(check, failure.message), status: 'failed' };
  } finally {
    await session.undo();
  }
}

/** A question that could not be put. */
export function notAsked({ question }: LiveCheck, reason: string): CheckAnswer {
  return { question, status: 'not asked', conclusion: reason, columns: [], rows: [] };
}
