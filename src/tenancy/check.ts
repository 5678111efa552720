import type { Severity } from '../report/report.ts';
import type { RlsFacts } from './facts.ts';

/** Something a check noticed, before exceptions are considered. */
export interface Noticed {
  readonly severity: Severity;
  /** As `displayPath` prints it. */
  readonly object: string;
  /** Name of the policy of the object that it is about. */
  readonly policy?: string | undefined;
  /** What of the object it is about where there may be several such findings of one object: the name of a key. */
  readonly part?: string | undefined;
  readonly message: string;
  /** SQL that mends it, ready to run: statements, each with its semicolon. */
  readonly fix?: string | undefined;
  /** SQL that has to run before it, once however many findings ask for it. */
  readonly groundwork?: string | undefined;
  /** What to do where no SQL can know. */
  readonly advice?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

export interface Judgement {
  readonly findings: readonly Noticed[];
  /** What could not be looked at, and why: such a check never passes. */
  readonly unknown?: readonly string[];
  /** The same of one object, for which an exception may be declared. */
  readonly open?: readonly { readonly object: string; readonly reason: string }[];
}

/** One kind of finding: a pure judgement of the facts. Its file's name is its identifier. */
export interface TenancyCheck {
  /** What holds when it passes. */
  readonly title: string;
  judge(facts: RlsFacts): Judgement;
}
