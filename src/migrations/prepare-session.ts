import { DROP_PREPARED } from './gate.ts';
import { rowEntry } from './recording.ts';
import { prepareRowSql, rowName } from './row-in-turn.ts';
import type { Job, Running } from './runner.ts';

/**
 * Prepares in the session what the gate has to say behind each file, and the statement that writes rows. In messages of
 * their own, seldom needed: what the server shows of the next one begins with the file's.
 * @param wantsRow false: not worth it for one file
 * @param text of the file, as far as the gate is to know of it
 * @returns why it failed
 */
export async function prepareSession(
  running: Running,
  job: Job,
  wantsRow: boolean,
  text = () => '',
): Promise<Error | undefined> {
  const { gate, ledger, lock, work, additions } = running;
  const statements = [...(gate ? gate.prepare(text) : [DROP_PREPARED])];
  const hasRow = statements[0] !== DROP_PREPARED && additions.hasRow === true;
  if (wantsRow && !hasRow)
    statements.push(prepareRowSql(rowName(running), ledger, rowEntry(running, job, undefined), lock.fence));
  if (statements.length === 0) return undefined;
  const error = await work.scripts(statements);
  additions.hasRow = !error && (wantsRow || hasRow);
  return error;
}
