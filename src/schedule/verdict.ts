import { EXIT } from '../errors.ts';
import { lastDue } from './cron.ts';

/** The last run of a job that left a trace. */
export interface LastRun {
  readonly startedAt: Date;
  /** Exit code of the contract; 0 or 1 is a job that ran to its end. */
  readonly exitCode: number;
  /** What went wrong, where it did. */
  readonly reason: string | undefined;
}

/** Whether a job did what its schedule says. */
export type Verdict =
  | { readonly kind: 'ran'; readonly due: Date; readonly at: Date }
  | { readonly kind: 'failed'; readonly due: Date; readonly at: Date; readonly reason: string }
  | { readonly kind: 'missed'; readonly due: Date; readonly lastRun: Date | undefined }
  /** Its first time is still to come. */
  | { readonly kind: 'not due yet' };

/** When a job has to run, and since when. */
export interface Duty {
  readonly at: string;
  readonly zone: string;
  /** Milliseconds that it may be late. */
  readonly graceMs: number;
  /** When the schedule was installed; `undefined`: always been there. */
  readonly since: Date | undefined;
}

/** Clocks of two machines are never quite the same. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Judges by the last time at which the job had to run and that is further back than its grace: a run since then, or a
 * minute before it, is that run.
 */
export function judge({ at, zone, graceMs, since }: Duty, lastRun: LastRun | undefined, now: Date): Verdict {
  const due = lastDue(at, zone, new Date(now.getTime() - graceMs));
  if (due === undefined || (since !== undefined && due < since)) {
    return lastRun === undefined || due === undefined ? { kind: 'not due yet' } : runVerdict(due, lastRun);
  }
  if (lastRun === undefined || lastRun.startedAt.getTime() < due.getTime() - CLOCK_SKEW_MS) {
    return { kind: 'missed', due, lastRun: lastRun?.startedAt };
  }
  return runVerdict(due, lastRun);
}

function runVerdict(due: Date, { startedAt, exitCode, reason }: LastRun): Verdict {
  if (exitCode === EXIT.ok || exitCode === EXIT.findings) return { kind: 'ran', due, at: startedAt };
  return { kind: 'failed', due, at: startedAt, reason: reason ?? `exit code ${exitCode}` };
}
