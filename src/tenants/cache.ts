import { LRUCache } from 'lru-cache';
import { fromCache, type Resolution } from './resolution.ts';

/** How well the cache works (manual 7.4, "Stats Export"). */
export interface CacheStats {
  readonly ttlMs: number;
  readonly size: number;
  readonly hits: number;
  readonly misses: number;
  /** 0 to 1; 0 before the first request. */
  readonly hitRatio: number;
}

export interface CacheOptions {
  /** Milliseconds; 0 remembers nothing. */
  readonly ttlMs: number;
  /** Entries at most; what was not asked for longest goes first. */
  readonly maxEntries?: number | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}

const MAX_ENTRIES = 10_000;
/** What is no tenant is asked for again soon, since it may have become one; this long it costs one query. */
const NEGATIVE_TTL_MS = 5_000;

/** Remembers answers for a while, counts hits and misses. A failed look-up is not an answer and is never remembered. */
export class ResolutionCache {
  readonly #entries: LRUCache<string, Resolution>;
  readonly #ttlMs: number;
  #hits = 0;
  #misses = 0;

  constructor({ ttlMs, maxEntries = MAX_ENTRIES, now }: CacheOptions) {
    this.#ttlMs = ttlMs;
    this.#entries = new LRUCache({
      max: maxEntries,
      // The clock is read for each request: one whose value is kept would need a timer, which costs more.
      ttlResolution: 0,
      ...(now === undefined ? {} : { perf: { now } }),
    });
  }

  get(identifier: string): Resolution | undefined {
    const found = this.getIfThere(identifier);
    if (found === undefined) this.#misses += 1;
    return found;
  }

  /** Counts a hit, and no miss: for those who ask `get` then. */
  getIfThere(identifier: string): Resolution | undefined {
    const found = this.#entries.get(identifier);
    if (found !== undefined) this.#hits += 1;
    return found;
  }

  set(identifier: string, resolution: Resolution): void {
    const ttl = resolution.found ? this.#ttlMs : Math.min(this.#ttlMs, NEGATIVE_TTL_MS);
    // To lru-cache a ttl of 0 is no end.
    if (ttl > 0) this.#entries.set(identifier, fromCache(resolution), { ttl });
  }

  /** Forgets every answer and the counts (manual 7.4, "Cache Reset"). */
  clear(): void {
    this.#entries.clear();
    this.#hits = 0;
    this.#misses = 0;
  }

  stats(): CacheStats {
    this.#entries.purgeStale();
    const asked = this.#hits + this.#misses;
    return {
      ttlMs: this.#ttlMs,
      size: this.#entries.size,
      hits: this.#hits,
      misses: this.#misses,
      hitRatio: asked === 0 ? 0 : this.#hits / asked,
    };
  }
}
