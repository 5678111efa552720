import type { GateVerdict } from './gate.ts';
import { insertSql, type LedgerEntry, SINCE_BEGIN, upsertSql } from './ledger.ts';
import { executeRowSql, rowName } from './row-in-turn.ts';
import { type Job, ledgerEntry, type Running } from './runner.ts';

/**
 * SQL that records the file in hand with what the gate said of it, and commits both.
 * @param isPrepared what was prepared in the session is sure to be there
 */
export function recording(
  running: Running,
  job: Job,
  verdict: GateVerdict | undefined,
  isPrepared: boolean,
): readonly string[] {
  return [rowSql(running, job, rowEntry(running, job, verdict), isPrepared), 'commit'];
}

function rowSql(running: Running, { record, isNew }: Job, entry: LedgerEntry, isPrepared: boolean): string {
  const { additions, ledger, lock } = running;
  if (record !== undefined) return record;
  if (isNew && isPrepared && additions.hasRow)
    return executeRowSql(rowName(running), entry, { own: ++additions.turn, after: undefined });
  return (isNew ? insertSql : upsertSql)(ledger, entry, lock.fence);
}

/** The row of a file that is applied, with what the gate said of it. */
export function rowEntry(running: Running, job: Job, verdict: GateVerdict | undefined): LedgerEntry {
  return { ...ledgerEntry(running, job), executionTime: SINCE_BEGIN, gate: verdict };
}
