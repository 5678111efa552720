/** How much of something is done, and how fast it goes. */
export interface Reading {
  readonly done: number;
  readonly total: number;
  /** 0 to 1. */
  readonly share: number;
  /** A second, over the last samples; 0 while that is not known. */
  readonly rate: number;
  /** Milliseconds; `undefined` while there is no rate. */
  readonly msLeft: number | undefined;
}

/** The rate is that of this many milliseconds before now. */
const WINDOW_MS = 30_000;

/** Counts work that never becomes less: rows, bytes. */
export class Meter {
  readonly #samples: { readonly at: number; readonly done: number }[] = [];
  #best = 0;

  /**
   * @param total it may change while the work goes on: an estimate becomes a count
   * @param now milliseconds of any clock that does not go back
   */
  read(done: number, total: number, now: number): Reading {
    this.#best = Math.max(this.#best, done);
    this.#samples.push({ at: now, done: this.#best });
    while (this.#samples.length > 2 && this.#samples[1]!.at < now - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const rate = now > first.at ? ((this.#best - first.done) * 1000) / (now - first.at) : 0;
    const within = Math.min(this.#best, total);
    return {
      done: within,
      total,
      share: total === 0 ? 0 : within / total,
      rate,
      msLeft: rate > 0 ? ((total - within) * 1000) / rate : undefined,
    };
  }
}
