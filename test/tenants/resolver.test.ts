import { describe, expect, test } from 'vitest';
import { ResolutionCache } from '../../src/tenants/cache.ts';
import type { TenantRow } from '../../src/tenants/resolution.ts';
import { TenantResolver } from '../../src/tenants/resolver.ts';

const ACME: TenantRow = { id: '00000000-0000-4000-8000-00000000000a', slug: 'acme' };

/** A resolver over a table that can be changed, with a clock that is set by hand. */
function open(rows: TenantRow[] = [ACME], { ttlMs = 60_000, maxEntries = 10_000 } = {}) {
  const state = { now: 1, queries: [] as (readonly string[])[], failure: undefined as Error | undefined, rows };
  // A gate that is open lets a look-up through at once.
  let gate: Promise<void> = Promise.resolve();
  const cache = new ResolutionCache({ ttlMs, maxEntries, now: () => state.now });
  const lookup = async (identifiers: readonly string[]) => {
    state.queries.push(identifiers);
    const found = state.rows.filter(({ id, slug }) => identifiers.includes(id) || identifiers.includes(String(slug)));
    await gate;
    if (state.failure !== undefined) throw state.failure;
    return found;
  };
  const close = () => {
    let release = () => {};
    gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  };
  return { state, close, resolver: new TenantResolver({ lookup, cache, systemTenant: undefined }) };
}

test('the second answer comes from memory and says so', async () => {
  const { state, resolver } = open();
  expect(await resolver.resolve('acme')).toEqual({ uuid: ACME.id, slug: 'acme', found: true, source: 'db-slug' });
  expect(await resolver.resolve('acme')).toMatchObject({ source: 'db-slug-cache', uuid: ACME.id });
  expect(state.queries).toEqual([['acme']]);
  expect(resolver.stats()).toEqual({ ttlMs: 60_000, size: 1, hits: 1, misses: 1, hitRatio: 0.5 });
});

test('a thousand requests for one tenant that nobody remembers are one query', async () => {
  const { state, close, resolver } = open();
  const release = close();
  const answers = Array.from({ length: 1_000 }, () => resolver.resolve('acme'));
  release();
  expect(new Set((await Promise.all(answers)).map(({ uuid }) => uuid))).toEqual(new Set([ACME.id]));
  expect(state.queries).toHaveLength(1);
});

test('what is asked for while a query runs goes with the next one, together', async () => {
  const { state, close, resolver } = open();
  const release = close();
  const first = resolver.resolve('acme');
  await Promise.resolve();
  const others = Array.from({ length: 100 }, (_, at) => resolver.resolve(`t${at}`));
  release();
  await Promise.all([first, ...others]);
  expect(state.queries.map((identifiers) => identifiers.length)).toEqual([1, 100]);
});

describe('an answer is forgotten', () => {
  test('after its time: a renamed tenant is known by its new name', async () => {
    const { state, resolver } = open();
    await resolver.resolve('acme');
    state.rows = [{ ...ACME, slug: 'renamed' }];
    state.now += 59_999;
    expect((await resolver.resolve('acme')).found).toBe(true);
    state.now += 2;
    expect((await resolver.resolve('acme')).found).toBe(false);
  });

  test('sooner when it was that there is no such tenant', async () => {
    const { state, resolver } = open([]);
    expect(await resolver.resolve('acme')).toMatchObject({ found: false, source: 'unknown' });
    state.rows = [ACME];
    state.now += 4_999;
    expect(await resolver.resolve('acme')).toMatchObject({ found: false, source: 'unknown-cache' });
    state.now += 2;
    expect(await resolver.resolve('acme')).toMatchObject({ found: true, source: 'db-slug' });
  });

  test('at once with a time of 0', async () => {
    const { state, resolver } = open([ACME], { ttlMs: 0 });
    await resolver.resolve('acme');
    expect(await resolver.resolve('acme')).toMatchObject({ source: 'db-slug' });
    expect(state.queries).toHaveLength(2);
  });

  test('when others are asked for and there is no more room', async () => {
    const { resolver } = open([ACME], { maxEntries: 10 });
    for (let at = 0; at < 1_000; at++) await resolver.resolve(`t${at}`);
    expect(resolver.stats().size).toBe(10);
  });

  test('by a reset, with the counts', async () => {
    const { state, resolver } = open();
    await resolver.resolve('acme');
    resolver.reset();
    expect(resolver.stats()).toMatchObject({ size: 0, hits: 0, misses: 0, hitRatio: 0 });
    expect(await resolver.resolve('acme')).toMatchObject({ source: 'db-slug' });
    expect(state.queries).toHaveLength(2);
  });
});

test('what was read before a reset neither answers later requests nor is remembered', async () => {
  const { state, close, resolver } = open();
  const release = close();
  const before = resolver.resolve('acme');
  await Promise.resolve();
  state.rows = [{ ...ACME, id: '00000000-0000-4000-8000-00000000000b' }];
  resolver.reset();
  const after = resolver.resolve('acme');
  release();
  expect((await before).uuid).toBe(ACME.id);
  expect((await after).uuid).toBe(state.rows[0]!.id);
  expect((await resolver.resolve('acme')).uuid).toBe(state.rows[0]!.id);
});

test('a look-up that fails is no answer: everyone who waited is told, the next one asks again', async () => {
  const { state, resolver } = open();
  state.failure = new Error('away');
  const answers = await Promise.allSettled([resolver.resolve('acme'), resolver.resolve('acme'), resolver.resolve('b')]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  state.failure = undefined;
  expect(await resolver.resolve('acme')).toMatchObject({ found: true, source: 'db-slug' });
});
