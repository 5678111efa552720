import { Counter, Gauge, Registry } from 'prom-client';
import type { CacheStats } from './cache.ts';

/** The five metrics of the manual (7.4, "Prometheus Metrics"), read when they are scraped. */
export function createMetrics(stats: () => CacheStats): Registry {
  const registers = [new Registry()];
  const gauge = (name: string, help: string, read: (stats: CacheStats) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(stats()));
      },
    });
  // A reset of the cache resets these counters too, which Prometheus takes for a restart.
  const counter = (name: string, help: string, read: (stats: CacheStats) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read(stats()));
      },
    });
  gauge('tenant_resolve_cache_size', 'Entries in the cache now', ({ size }) => size);
  counter('tenant_resolve_cache_hits_total', 'Identifiers answered from the cache', ({ hits }) => hits);
  counter('tenant_resolve_cache_misses_total', 'Identifiers that were not in the cache', ({ misses }) => misses);
  gauge('tenant_resolve_cache_hit_ratio', 'Hits of all identifiers asked for, 0 to 1', ({ hitRatio }) => hitRatio);
  gauge('tenant_resolve_cache_ttl_ms', 'Milliseconds a tenant is remembered', ({ ttlMs }) => ttlMs);
  return registers[0]!;
}
