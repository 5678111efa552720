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
