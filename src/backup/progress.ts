import { quantity } from '../report/quantity.ts';

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

/** The rate is that of this many milliseconds before now. */
const WINDOW_MS = 30_000;

/** How far a dump is, from the tables that were begun and the COPYs that run. It never goes back. */
export class CopyProgress {
  readonly #rows: Map<string, number>;
  #total: number;
  readonly #begun = new Set<string>();
  readonly #samples: { readonly at: number; readonly rows: number }[] = [];
  #best = 0;
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
    this.#best = Math.max(this.#best, done);
    this.#samples.push({ at: now, rows: this.#best });
    while (this.#samples.length > 2 && this.#samples[1]!.at < now - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const rowsPerSecond = now > first.at ? ((this.#best - first.rows) * 1000) / (now - first.at) : 0;
    // A count may have shown that there are fewer rows than the statistics said, or more.
    const rowsDone = Math.min(this.#best, this.#total);
    const percent = this.#total === 0 ? 0 : Math.min(99, Math.floor((rowsDone * 100) / this.#total));
    this.#percent = Math.max(this.#percent, percent);
    return {
      percent: this.#percent,
      rowsDone,
      rowsTotal: this.#total,
      rowsPerSecond,
      msLeft: rowsPerSecond > 0 ? ((this.#total - rowsDone) * 1000) / rowsPerSecond : undefined,
    };
  }
}

/** A table takes some time even when it is empty. */
function weightOf(rows: number): number {
  return Math.max(1, rows);
}

/** `42 %, 1,200 of 3,000 rows, 400 rows/s, 4.5 s left`. */
export function describeProgress({ percent, rowsDone, rowsTotal, rowsPerSecond, msLeft }: ProgressSample): string {
  const parts = [`${percent} %`, `${quantity(rowsDone)} of about ${quantity(rowsTotal)} rows`];
  if (rowsPerSecond > 0) parts.push(`${quantity(Math.round(rowsPerSecond))} rows/s`);
  if (msLeft !== undefined) parts.push(`${quantity(Math.round(msLeft), 'milliseconds')} left`);
  return parts.join(', ');
}
