import type { AishaError } from '../errors.ts';
import { verdictSql } from './ledger.ts';
import type { Running } from './runner.ts';
import type { Script } from './script.ts';

/**
 * What the gate says of a file that was committed statement by statement: it can only be judged when it is there.
 * @returns why it is refused, which it is too late for
 */
export async function lookBehind(running: Running, { mode, file }: Script): Promise<AishaError | undefined> {
  const { gate, work, ledger } = running;
  if (!gate || mode.kind !== 'statements') return undefined;
  const { refusal, verdict } = await gate.judge(work, file);
  gate.accept();
  if (verdict !== undefined) await work.query(verdictSql(ledger, file, verdict));
  return refusal;
}

/** The same of one that failed on its way: what ran is committed, and the run that goes on with it starts from there. */
export async function lookAtPart({ gate, work }: Running, { mode, file }: Script): Promise<void> {
  if (!gate || mode.kind !== 'statements') return;
  try {
    await work.undo();
    await gate.judge(work, file);
    gate.accept();
  } catch {
    // The session may be what failed: the report is about that.
  }
}
