import type { Session } from '../../postgres/session.ts';
import type { AskLimits } from '../ask.ts';
import type { Step } from './run-probes.ts';

/** A block of PL/pgSQL that answers in `aisha_db.answers`, with what it reads from `aisha_db.steps` and `aisha_db.tasks`. */
interface Block {
  readonly isolation: 'read committed' | 'repeatable read';
  readonly sql: string;
}

/**
 * SQL of such a block: runs the steps of a JSON array, each as its role, and is oneself again.
 * @param execute SQL that runs `step`
 */
export function stepsSql(steps: string, execute = "execute step ->> 'sql';"): string {
  return `for step in select value from pg_catalog.jsonb_array_elements(${steps}) loop
    perform pg_catalog.set_config('role', 'none', true);
    perform pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text(step -> 'settings');
    perform pg_catalog.set_config('role', coalesce(step ->> 'role', 'none'), true);
    ${execute}
  end loop;
  perform pg_catalog.set_config('role', 'none', true);`;
}

/** The same of the steps that are run before all else. */
export function firstStepsSql(execute?: string): string {
  return stepsSql("pg_catalog.current_setting('aisha_db.steps')::pg_catalog.jsonb", execute);
}

/**
 * Runs a block in a transaction that is rolled back.
 * @returns its answers, or the error that ended it
 */
export async function runInOne<Answer>(
  session: Session,
  { isolation, sql }: Block,
  steps: readonly Step[],
  tasks: readonly object[],
  limits: AskLimits,
): Promise<readonly Answer[] | { readonly error: Error }> {
  await session.query(`begin isolation level ${isolation}`);
  try {
    await session.query(
      `select set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
        set_config('aisha_db.steps', $3, true), set_config('aisha_db.tasks', $4, true)`,
      [String(limits.lockTimeoutMs), String(limits.statementTimeoutMs), JSON.stringify(steps), JSON.stringify(tasks)],
    );
    await session.query(sql);
    const [row] = await session.query<{ answers: readonly Answer[] }>(
      "select current_setting('aisha_db.answers')::json as answers",
    );
    return row!.answers;
  } catch (error) {
    if (!session.inTransaction) throw error;
    return { error: error as Error };
  } finally {
    await session.undo();
  }
}
