import { Meter, type Reading } from '../report/meter.ts';
import type { Progress } from '../report/progress.ts';
import { counted, quantity } from '../report/quantity.ts';

/** Rows that one table has, by its name as pg_dump prints it. */
export interface TableRows {
  readonly name: string;
  readonly rows: number;
}

/** A COPY that runs, of pg_stat_progress_copy. */
export interface RunningCopy {
  readonly name: string;
  readonly rows: number;
}

export interface ProgressSample {
  /** 0 to 99: 100 is only reached when everything is on disk. */
  readonly percent: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  /** Rows a second over the last samples; 0 while that is not known. */
  readonly rowsPerSecond: number;
  /** Milliseconds; `undefined` while there is no rate. */
  readonly msLeft: number | undefined;
}

/** How far a dump is, from the tables that were begun and the COPYs that run. It never goes back. */
export class CopyProgress {
  readonly #rows: Map<string, number>;
  #total: number;
  readonly #begun = new Set<string>();
  readonly #meter = new Meter();
  #percent = 0;

  constructor(tables: readonly TableRows[]) {
    this.#rows = new Map(tables.map(({ name, rows }) => [name, weightOf(rows)]));
    this.#total = [...this.#rows.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /** The rows of that table were counted: until then it was what the statistics say. */
  know({ name, rows }: TableRows): void {
    const before = this.#rows.get(name);
    if (before === undefined) return;
    this.#rows.set(name, weightOf(rows));
    this.#total += weightOf(rows) - before;
  }

  /** The COPY of that table has begun. */
  begin(name: string): void {
    if (this.#rows.has(name)) this.#begun.add(name);
  }

  /** @param now milliseconds of any clock that does not go back */
  sample(running: readonly RunningCopy[], now: number): ProgressSample {
    const current = new Map(running.map(({ name, rows }) => [name, rows]));
    const done = [...this.#begun].reduce((sum, name) => {
      const total = this.#rows.get(name) ?? 0;
      // The statistics may know fewer rows than there are.
      return sum + Math.min(total, current.get(name) ?? total);
    }, 0);
    // A count may have shown that there are fewer rows than the statistics said, or more.
    const { done: rowsDone, share, rate: rowsPerSecond, msLeft } = this.#meter.read(done, this.#total, now);
    this.#percent = Math.max(this.#percent, Math.min(99, Math.floor(share * 100)));
    return { percent: this.#percent, rowsDone, rowsTotal: this.#total, rowsPerSecond, msLeft };
  }
}

/** A table takes some time even when it is empty. */
function weightOf(rows: number): number {
  return Math.max(1, rows);
}

/** `dumping: 42 %, 4.5 s left, 400 rows/s, 1,200 of 3,000 rows`. */
export function rowProgress(what: string, sample: ProgressSample): Progress {
  const { percent, rowsDone, rowsTotal, rowsPerSecond, msLeft } = sample;
  return {
    what,
    share: percent / 100,
    details: [
      ...timeLeft(msLeft),
      ...(rowsPerSecond > 0 ? [`${quantity(Math.round(rowsPerSecond))} rows/s`] : []),
      `${quantity(rowsDone)} of about ${quantity(rowsTotal)} rows`,
    ],
  };
}

/** The same of bytes that are read, encrypted or sent. */
function byteProgress(what: string, { done, total, share, rate, msLeft }: Reading): Progress {
  return {
    what,
    share,
    details: [
      ...timeLeft(msLeft),
      ...(rate > 0 ? [`${quantity(rate, 'bytes')}/s`] : []),
      `${quantity(done, 'bytes')} of ${quantity(total, 'bytes')}`,
    ],
  };
}

/** Counts bytes as they pass and tells how far they are, not more often than anybody could look. */
export function byteCounter(what: string, total: number, tell: (progress: Progress) => void): (bytes: number) => void {
  const meter = new Meter();
  let [done, toldAt] = [0, Number.NEGATIVE_INFINITY];
  return (bytes) => {
    done += bytes;
    const now = performance.now();
    if (now - toldAt < TELL_MS) return;
    toldAt = now;
    tell(byteProgress(what, meter.read(done, total, now)));
  };
}

const TELL_MS = 200;

/** `comparing: 30 %, 3 of 10 tables`. */
export function tableProgress(what: string, done: number, total: number): Progress {
  return {
    what,
    share: total === 0 ? undefined : done / total,
    details: [`${quantity(done)} of ${counted(total, 'table')}`],
  };
}

function timeLeft(ms: number | undefined): string[] {
  return ms === undefined ? [] : [`${quantity(Math.round(ms), 'milliseconds')} left`];
}
