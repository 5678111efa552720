import type { Progress } from '../report/progress.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { TableContent } from './manifest.ts';
import { CopyProgress, type RunningCopy, rowProgress } from './progress.ts';

/** What pg_restore makes when the rows are in: most of the time that is left goes into it. */
const AFTER_ROWS = /^pg_restore: creating (?:INDEX|CONSTRAINT|FK CONSTRAINT|TRIGGER|MATERIALIZED VIEW DATA|POLICY) "/;
const LISTED_AFTER_ROWS = /^\d+; \d+ \d+ (?:INDEX|CONSTRAINT|FK CONSTRAINT|TRIGGER|MATERIALIZED VIEW DATA|POLICY) /;

/** How far a restore is: by rows against the manifest's counts, then by the indexes and constraints that are made. */
export class RestoreProgress {
  readonly #copies: CopyProgress;
  readonly #rows: number;
  readonly #items: number;
  #made = 0;

  /**
   * @param tables the rows that will be copied
   * @param list the table of contents that is restored, as `pg_restore --list` writes it
   */
  constructor(tables: readonly TableContent[], list: string) {
    this.#copies = new CopyProgress(tables.map(({ schema, name, rows }) => ({ name: `${schema}.${name}`, rows })));
    this.#rows = tables.reduce((sum, { rows }) => sum + rows, 0);
    this.#items = list.split('\n').filter((line) => LISTED_AFTER_ROWS.test(line)).length;
  }

  /** Takes a line that `pg_restore --verbose` wrote. */
  hear(line: string): void {
    const table = /^pg_restore: processing data for table "(.*)"$/s.exec(line)?.[1];
    if (table !== undefined) this.#copies.begin(table);
    else if (AFTER_ROWS.test(line)) this.#made += 1;
  }

  /**
   * @param what is being done: `restoring`
   * @param now milliseconds of any clock that does not go back
   */
  describe(what: string, running: readonly RunningCopy[], now: number): Progress {
    const sample = this.#copies.sample(running, now);
    if (this.#made === 0) return rowProgress(what, sample);
    return {
      what: `${what}: indexes, constraints`,
      // One that has begun is not made yet.
      share: (this.#made - 1) / this.#items,
      details: [`${quantity(this.#made)} of ${quantity(this.#items)} begun`, `${counted(this.#rows, 'row')} are in`],
    };
  }
}
