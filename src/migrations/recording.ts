import type { GateVerdict } from './gate.ts';
import { insertSql, type LedgerEntry, SINCE_BEGIN, upsertSql } from './ledger.ts';
import { type Job, ledgerEntry, type Running } from './runner.ts';

/** SQL that records the file in hand with what the gate said of it, and commits both. */
export function recording(running: Running, job: Job, verdict: GateVerdict | undefined): string[] {
  const entry = rowEntry(running, job, verdict);
  return [job.record ?? (job.isNew ? insertSql : upsertSql)(running.ledger, entry, running.lock.fence), 'commit'];
}

/** The row of a file that is applied, with what the gate said of it. */
export function rowEntry(running: Running, job: Job, verdict: GateVerdict | undefined): LedgerEntry {
  return { ...ledgerEntry(running, job), executionTime: SINCE_BEGIN, gate: verdict };
}
