import type { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Finding } from '../report/report.ts';
import type { Additions } from './additive.ts';

/** A file that has not run, for naming the one that would mend something. */
export interface LaterFile {
  readonly file: string;
  text(): string;
}

export type GateVerdict = 'passed' | 'warned' | 'refused';

/** What became of a file whose changes the gate had to look at. */
export interface GateJudgement {
  readonly file: string;
  readonly verdict: GateVerdict;
  /** What it looked at: `policies of public.contacts`. */
  readonly looked: readonly string[];
}

/** What the guard said of a file, and where the session stands. */
export interface GateCall {
  readonly message: string;
  /** Statements behind which it is at the end of the file again; none where it is there. */
  readonly back: readonly string[];
  /** What else was told with it. */
  readonly told?: unknown;
}

/** What the gate says of a file in hand. */
export interface GateOutcome {
  /** None when nothing can be judged. */
  readonly verdict: GateVerdict | undefined;
  /** Why its changes are refused. */
  readonly refusal: AishaError | undefined;
  /** The session has all that was prepared in it, and nothing else. */
  readonly isPrepared: boolean;
}

/**
 * Judges what files do to the isolation of tenants, before they are committed where that is possible. The runner knows
 * when to ask; what isolation is, only the gate does.
 */
export interface Gate {
  /**
   * Takes note of what is there before the first file. `committed` is another session: while a file's transaction is
   * open, it sees what was there before.
   * @param expectsPolicies the files most likely write some; asked once the server is busy
   */
  begin(work: Session, committed: Session, expectsPolicies?: () => boolean): Promise<void>;
  /**
   * Statements before a file's message, each for one of its own: they make those of the gate that are missing, and where
   * there may be others, the first of them is `DROP_PREPARED`.
   * @param text of the file; '' of one that need not be told of
   */
  prepare(text: () => string): readonly string[];
  /** A name for a prepared statement of the runner's own, which the guard takes for nobody else's. */
  named(what: string): string;
  /** The statement directly in front of a file's transaction: leaves in the session what the guard compares with. */
  readonly mark: string;
  /** A statement for the end of a file's transaction that fails when it wrote to anything that has to be judged. */
  readonly guard: string;
  /**
   * In place of the guard for a file that most likely has to be judged, and was prepared for: statements that fail of
   * nothing that it wrote, and tell what it takes to judge it. Behind the first of them the session's settings have to be
   * reset. None for others.
   */
  readonly telling: readonly string[] | undefined;
  /**
   * What they told: as the guard's call, with '' when there is nothing to judge.
   * @param begun the first values that were returned behind the mark, that of the mark among them
   * @param values the last two
   */
  readTold(begun: readonly (string | null)[], values: readonly (string | null)[]): Pick<GateCall, 'message' | 'told'>;
  /**
   * In place of mark and guard for a file that only adds (additive.ts): a statement that fails where this database does
   * not allow to take that on trust. None where such files are judged like others.
   */
  trust(additions: Additions): string | undefined;
  /** True when this is that statement's failure: from now on nothing is taken on trust. */
  isDistrust(error: Error): boolean;
  /** The guard had nothing to say, and the file is committed. */
  pass(): void;
  /** The session is used for something that the guard does not see the end of. */
  leave(): void;
  /** True when this is the guard's own failure: there is something to judge. */
  isCalledBy(error: Error): boolean;
  /** The verdict on a file of which the guard said nothing; none when nothing can be judged. */
  readonly calm: GateVerdict | undefined;
  /** In front of a file that commits as it goes: afterwards nobody can tell what was there. Implies `leave`. */
  remember(session: Session, text: () => string): Promise<void>;
  /** Inside the file's transaction with the guard's call, or behind a file that is none and was remembered. */
  judge(session: Session, file: string, call?: GateCall): Promise<GateOutcome>;
  /** After the file was rolled back for it: the refusal that stands when what was there before is asked as well. */
  appeal(session: Session): Promise<AishaError | undefined>;
  /** The changes that were judged last are committed. */
  accept(): void;
  /** Behind the last file: what this run leaves open. */
  end(session: Session, ran: readonly LaterFile[], later: readonly LaterFile[]): Promise<AishaError | undefined>;
  readonly findings: readonly Finding[];
  readonly judgements: readonly GateJudgement[];
}

export const DROP_PREPARED = 'deallocate all';
