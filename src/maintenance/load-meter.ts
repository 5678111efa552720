import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.ts';

/** Sessions tell the server what they did about once a second: a shorter time between two looks says little. */
const LEAST_MS = 2_000;

interface Reading {
  readonly at: number;
  readonly transactions: number;
}

/**
 * How much the server is used: transactions that end in a second, in all its databases, for they share its disk and
 * processors. Those of the meter's own session count too; they are few.
 */
export class LoadMeter {
  readonly #session: Session;
  #earlier: Reading | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Since a look that is long enough ago; `undefined` as long as there is none. Each call is a look. */
  async perSecond(): Promise<number | undefined> {
    const now = await this.#read();
    const earlier = this.#earlier;
    if (earlier !== undefined && now.at - earlier.at < LEAST_MS) return undefined;
    this.#earlier = now;
    if (earlier === undefined) return undefined;
    return Math.max(0, ((now.transactions - earlier.transactions) * 1_000) / (now.at - earlier.at));
  }

  /** The same, waited for; `undefined` only when the signal comes first. */
  async measured(signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      const rate = await this.perSecond();
      if (rate !== undefined || signal.aborted) return rate;
      const since = Date.now() - (this.#earlier?.at ?? Date.now());
      await sleep(Math.max(1, LEAST_MS - since), undefined, { signal }).catch(() => {});
    }
  }

  async #read(): Promise<Reading> {
    const [row] = await this.#session.query<{ transactions: number }>(
      'select sum(xact_commit + xact_rollback)::float8 as transactions from pg_catalog.pg_stat_database',
    );
    return { at: Date.now(), transactions: row!.transactions };
  }
}
