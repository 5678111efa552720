import type { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Finding } from '../report/report.ts';

/** A file that has not run, for naming the one that would mend something. */
export interface LaterFile {
  readonly file: string;
  text(): string;
}

/** What became of a file whose changes the gate had to look at. */
export interface GateJudgement {
  readonly file: string;
  readonly verdict: 'passed' | 'warned' | 'refused';
  /** What it looked at: `policies of public.contacts`. */
  readonly looked: readonly string[];
}

/**
 * Judges what files do to the isolation of tenants, before they are committed where that is possible. The runner knows
 * when to ask; what isolation is, only the gate does.
 */
export interface Gate {
  /** Takes note of what is there before the first file. */
  begin(session: Session): Promise<void>;
  /** A statement for the end of a file's transaction that fails when something of what the gate watches has changed. */
  readonly guard: string;
  /** True when this is the guard's own failure: there is something to judge. */
  isCalledBy(error: Error): boolean;
  /** Inside the file's transaction, or behind a file that is none: why its changes are refused. */
  judge(session: Session, file: string, canRollBack: boolean): Promise<AishaError | undefined>;
  /** After the file was rolled back for it: the refusal that stands when what was there before is asked as well. */
  appeal(session: Session): Promise<AishaError | undefined>;
  /** The changes that were judged last are committed. */
  accept(): void;
  /** Behind the last file: what this run leaves open. */
  end(session: Session, ran: readonly LaterFile[], later: readonly LaterFile[]): Promise<AishaError | undefined>;
  readonly findings: readonly Finding[];
  readonly judgements: readonly GateJudgement[];
}

/** Where a file's transaction stands when the gate looks at it: nothing of the file is lost when the guard fails. */
export const GATE_SAVEPOINT = 'aisha_db_gate';
