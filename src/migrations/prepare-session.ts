import { rowEntry } from './recording.ts';
import { prepareRowSql, rowName } from './row-in-turn.ts';
import type { Job, Running } from './runner.ts';

/**
 * Prepares in the session what the gate has to say behind each file, and the statement that writes rows. A message of its
 * own, seldom needed: what the server shows of the next one begins with the file's.
 * @param wantsRow false: not worth it for one file
 * @returns why it failed
 */
export async function prepareSession(running: Running, job: Job, wantsRow: boolean): Promise<Error | undefined> {
  const { gate, ledger, lock, work, additions } = running;
  const statements = [...(gate ? gate.prepare() : ['deallocate all'])];
  const hasRow = statements.length === 0 && additions.hasRow === true;
  if (wantsRow && !hasRow)
    statements.push(prepareRowSql(rowName(running), ledger, rowEntry(running, job, undefined), lock.fence));
  if (statements.length === 0) return undefined;
  const { error } = await work.script([statements.join(';')]);
  additions.hasRow = !error && (wantsRow || hasRow);
  return error;
}
