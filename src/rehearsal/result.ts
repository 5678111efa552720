import type { GateVerdict } from '../migrations/gate.ts';
import type { Finding } from '../report/report.ts';
import type { ObjectChange } from './catalog-print.ts';
import type { FileEffects } from './observation.ts';
import type { CommandOutcome } from './run-command.ts';
import type { StubbedCall } from './stub-sql.ts';

/** What is known of one file after its rehearsal. */
export interface FileRehearsal {
  readonly file: string;
  /** `transaction`, or how many statements and why. */
  readonly mode: string;
  readonly state: 'applied' | 'failed' | 'not-run';
  readonly durationMs: number;
  /** Why it failed. */
  readonly reason: readonly string[];
  readonly effects: FileEffects;
  /** Locks of statements outside of a transaction were looked at now and then. */
  readonly isSampled: boolean;
  readonly catalog: readonly ObjectChange[];
  /** Bytes that the whole database grew by. */
  readonly grewBy: number;
  /** Findings of rls-check and diagnose that were not there before it; `undefined` when they were not looked for. */
  readonly newFindings: readonly Finding[] | undefined;
  readonly gate: FileVerdict;
  readonly rollback: RollbackRehearsal;
}

/** What the gate of `migrate` says of a file; no verdict where it is off or was not asked. */
export interface FileVerdict {
  readonly verdict: GateVerdict | undefined;
  readonly looked: readonly string[];
  readonly findings: readonly Finding[];
}

export interface RollbackRehearsal {
  readonly state: 'none' | 'passed' | 'failed' | 'incomplete' | 'not-tried';
  readonly files: readonly string[];
  readonly backMs: number | undefined;
  readonly forthMs: number | undefined;
  readonly reason: readonly string[];
  /** Objects that the file changed and that are not as they were. */
  readonly leftovers: readonly string[];
}

/** Findings of a database and what could not be decided. */
export interface Examination {
  readonly findings: readonly Finding[];
  /** Titles of checks that nobody could decide. */
  readonly unknown: readonly string[];
  /** Tables that are proved, and all that were looked at. */
  readonly proved: number;
  readonly tables: number;
}

/** All that a rehearsal brought. */
export interface Rehearsal {
  readonly id: string;
  readonly backup: string;
  readonly backupAt: string;
  readonly originVersion: string;
  readonly copyVersion: string;
  readonly restoreMs: number;
  readonly notes: readonly string[];
  readonly masked: readonly { readonly column: string; readonly as: string; readonly rows: number }[];
  readonly files: readonly FileRehearsal[];
  readonly before: Examination;
  readonly after: Examination;
  /** Of the whole run. */
  readonly newFindings: readonly Finding[];
  /** What the gate says of the run as a whole; `isOn` is false where it is off. */
  readonly gate: { readonly isOn: boolean; readonly findings: readonly Finding[] };
  readonly tests: CommandOutcome | undefined;
  readonly calls: readonly StubbedCall[];
}
