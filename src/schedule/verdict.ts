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

/** A run as the history of maintenance keeps it, as far as it tells whether a job did what it should. */
export interface HistoryRun {
  /** `maintain weekly`. */
  readonly command: string;
  readonly startedAt: string;
  readonly outcome: string;
  readonly tasks: readonly { readonly task: string; readonly object?: string | undefined; readonly state: string }[];
}

/** The latest run of a job that the database remembers, whichever machine it came from. */
export function recordedRun(run: readonly string[], history: readonly HistoryRun[]): LastRun | undefined {
  const options = run.findIndex((word) => word.startsWith('-'));
  const command = run.slice(0, options === -1 ? run.length : options).join(' ');
  const found = history.find((one) => one.command === command);
  if (found === undefined) return undefined;
  const reason = failureOf(found);
  return { startedAt: new Date(found.startedAt), exitCode: reason === undefined ? EXIT.ok : EXIT.defect, reason };
}

/** A statement that failed is a finding of the run; a task that failed, or an end that nobody wrote down, is a failure. */
function failureOf({ outcome, tasks }: HistoryRun): string | undefined {
  if (outcome === 'killed') return 'it was killed, or lost its connection';
  const failed = tasks.filter(({ state }) => state === 'failed');
  if (outcome !== 'failed' || (failed.length > 0 && failed.every(({ object }) => object !== undefined)))
    return undefined;
  const names = failed.filter(({ object }) => object === undefined).map(({ task }) => task);
  return names.length === 0 ? 'it ended with an error' : `failed: ${names.join(', ')}`;
}

/** A run is recorded after its report says it began: within so long (ms) both speak of the same one. */
const SAME_RUN_MS = 300_000;

/** The latest of what is known; of one run its report, which has the exit code. */
export function latestRun(
  report: LastRun | undefined,
  ...others: readonly (LastRun | undefined)[]
): LastRun | undefined {
  return others.reduce((latest, other) => {
    if (latest === undefined || other === undefined) return latest ?? other;
    const later = other.startedAt.getTime() - latest.startedAt.getTime();
    return later > (latest === report ? SAME_RUN_MS : 0) ? other : latest;
  }, report);
}
