import type { CacheStats, ResolutionCache } from './cache.ts';
import { normalise } from './identifier.ts';
import { decide, type Resolution, type TenantRow, toLookUp } from './resolution.ts';

/** Rows whose id or slug is one of the identifiers. */
export type Lookup = (identifiers: readonly string[]) => Promise<readonly TenantRow[]>;

export interface ResolverOptions {
  readonly lookup: Lookup;
  readonly cache: ResolutionCache;
  /** UUID that the alias `system` stands for. */
  readonly systemTenant?: string | undefined;
}

/** Identifiers of one query at most. */
const BATCH = 1_000;
/** No tenant is called so: identifiers have no control characters. */
const NOBODY = '\u0001';

/**
 * Slug or UUID to tenant. One query is under way at a time: identifiers that are asked for meanwhile wait for the next
 * one together, and those that are being looked up already wait for that. So a thousand requests for one tenant cost
 * one query, and a thousand tenants at once cost two.
 */
export class TenantResolver {
  readonly #lookup: Lookup;
  readonly #cache: ResolutionCache;
  readonly #systemTenant: string | undefined;
  #pending = new Map<string, Promise<Resolution>>();
  #waiting: Waiting[] = [];
  #busy = false;

  constructor({ lookup, cache, systemTenant }: ResolverOptions) {
    this.#lookup = lookup;
    this.#cache = cache;
    this.#systemTenant = systemTenant;
  }

  /** The answer from memory, which is a hit; `undefined` counts as nothing: `resolve` is to be asked then. */
  recall(identifier: string): Resolution | undefined {
    return this.#cache.getIfThere(identifier);
  }

  /** From memory, or looked up together with whoever else asks now. @throws what the look-up throws; it is not remembered */
  async resolve(identifier: string): Promise<Resolution> {
    return this.#cache.get(identifier) ?? this.#ask(identifier);
  }

  #ask(identifier: string): Promise<Resolution> {
    const pending = this.#pending.get(identifier);
    if (pending !== undefined) return pending;
    // A reset replaces the map: what was asked before it neither answers later requests nor is remembered.
    const generation = this.#pending;
    const asked = this.#enqueue(identifier)
      .then((resolution) => {
        if (generation === this.#pending) this.#cache.set(identifier, resolution);
        return resolution;
      })
      .finally(() => generation.delete(identifier));
    generation.set(identifier, asked);
    return asked;
  }

  /** Asks the database for nobody, in turn with everything else. @throws what the look-up throws */
  async probe(): Promise<void> {
    await this.#enqueue(NOBODY);
  }

  /** Forgets everything, also what is being looked up: rows read before the reset are not taken for current ones. */
  reset(): void {
    this.#pending = new Map();
    this.#cache.clear();
  }

  stats(): CacheStats {
    return this.#cache.stats();
  }

  #enqueue(identifier: string): Promise<Resolution> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ identifier, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // Whoever asks in the same turn of the event loop goes with the first query.
      queueMicrotask(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      await this.#answer(batch);
    }
    this.#busy = false;
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#lookup([...new Set(batch.map(({ identifier }) => this.#toLookUp(identifier)))]);
      const matching = indexRows(rows);
      for (const { identifier, resolve } of batch) {
        resolve(decide(identifier, matching(this.#toLookUp(identifier)), this.#systemTenant));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  #toLookUp(identifier: string): string {
    return toLookUp(identifier, this.#systemTenant);
  }
}

interface Waiting {
  readonly identifier: string;
  readonly resolve: (resolution: Resolution) => void;
  readonly reject: (error: unknown) => void;
}

/** Finds the rows that have an identifier as their id or slug. */
function indexRows(rows: readonly TenantRow[]): (identifier: string) => readonly TenantRow[] {
  const index = new Map<string, Set<TenantRow>>();
  for (const row of rows) {
    for (const name of [row.id, row.slug]) {
      if (name !== null) index.set(name, (index.get(name) ?? new Set()).add(row));
    }
  }
  return (identifier) => [...new Set([...(index.get(identifier) ?? []), ...(index.get(normalise(identifier)) ?? [])])];
}
