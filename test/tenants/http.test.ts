import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { ResolutionCache } from '../../src/tenants/cache.ts';
import { createTenantServer } from '../../src/tenants/http.ts';
import type { TenantRow } from '../../src/tenants/resolution.ts';
import { TenantResolver } from '../../src/tenants/resolver.ts';

const ACME = '00000000-0000-4000-8000-00000000000a';
const OTHER = '00000000-0000-4000-8000-00000000000b';
const TOKEN = 'correct-horse-battery';
const ROWS: readonly TenantRow[] = [
  { id: ACME, slug: 'acme' },
  { id: OTHER, slug: 'metrics' },
  { id: '00000000-0000-4000-8000-00000000000c', slug: OTHER },
];

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A server on a real socket over a table in memory. */
async function serve({ token, host = '127.0.0.1' }: { token?: string; host?: string } = {}) {
  const queries: string[][] = [];
  const resolver = new TenantResolver({
    lookup: async (identifiers) => {
      queries.push([...identifiers]);
      return ROWS.filter(({ id, slug }) => identifiers.includes(id) || identifiers.includes(String(slug)));
    },
    cache: new ResolutionCache({ ttlMs: 60_000 }),
  });
  const server = createTenantServer({
    resolver,
    token: token === undefined ? undefined : new Secret(token),
    onDefect: (error) => {
      throw error;
    },
  });
  const url = await server.listen({ host, port: 0 });
  stops.push(() => server.close());
  return { url, port: Number(new URL(url).port), resolver, queries };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The path goes out as it is written. */
function send(port: number, path: string, { method = 'GET', headers = {}, host = '127.0.0.1' } = {}): Promise<Reply> {
  return new Promise((done, reject) => {
    const sent = request({ host, port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        const { date, ...rest } = response.headers;
        expect(date).toMatch(/ GMT$/);
        done({ status: response.statusCode!, headers: rest, body });
      });
    });
    sent.on('error', reject).end();
  });
}

test.each([
  ['a tenant', 'acme', '%61cme', 200],
  ['a UUID', ACME, ACME.replace('a', '%61'), 200],
  ['nobody', 'nobody', 'nobod%79', 404],
  ['an ambiguous UUID', OTHER, OTHER.replace('b', '%62'), 400],
])(
  'from memory, %s is answered as by the router, whose job the percent signs are',
  async (_, plain, encoded, status) => {
    const { port, queries } = await serve();
    const path = (name: string) => `/api/tenantresolve/${name}`;
    const first = await send(port, path(plain));
    const known = await send(port, path(plain));
    expect(known).toEqual(await send(port, path(encoded)));
    expect(known).toEqual(await send(port, `${path(plain)}?`));
    expect(await send(port, path(plain), { method: 'HEAD' })).toEqual({ ...known, body: '' });
    expect([first.status, known.status, known.headers['content-type']]).toEqual([
      status,
      status,
      'application/json; charset=utf-8',
    ]);
    expect(queries).toHaveLength(1);
  },
);

test('what is answered from memory counts as one hit, what is not as one miss', async () => {
  const { port, resolver } = await serve();
  for (const name of ['acme', 'acme', '%61cme', 'nobody', 'nobody', OTHER, OTHER, ACME.toUpperCase()]) {
    await send(port, `/api/tenantresolve/${name}`);
  }
  expect(resolver.stats()).toMatchObject({ hits: 4, misses: 4, size: 4 });
});

test('a tenant with the name of an endpoint does not hide it, remembered or not', async () => {
  const { port } = await serve();
  expect((await send(port, '/api/tenantresolve?ids=metrics')).body).toContain(OTHER);
  const scraped = await send(port, '/api/tenantresolve/metrics');
  expect(scraped.headers['content-type']).toMatch(/^text\/plain/);
  expect(scraped.body).toContain('tenant_resolve_cache_misses_total 1');
});

test('another method is no way to what is remembered', async () => {
  const { port } = await serve();
  await send(port, '/api/tenantresolve/acme');
  for (const method of ['POST', 'PUT', 'DELETE']) {
    expect((await send(port, '/api/tenantresolve/acme', { method })).status).toBe(404);
  }
});

test('what is remembered wants the token as well', async () => {
  const { port, resolver } = await serve({ token: TOKEN });
  const as = (authorization: string) => send(port, '/api/tenantresolve/acme', { headers: { authorization } });
  await as(`Bearer ${TOKEN}`);
  expect((await as(`bearer ${TOKEN}`)).body).toContain('db-slug-cache');
  for (const wrong of ['', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`]) {
    const refused = await as(wrong);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(refused.body).not.toContain(ACME);
  }
  expect(resolver.stats()).toMatchObject({ hits: 1, misses: 1 });
});

test('localhost is every address of it', async () => {
  const { port } = await serve({ host: 'localhost' });
  const { lookup } = await import('node:dns/promises');
  for (const { address } of await lookup('localhost', { all: true })) {
    await send(port, '/api/tenantresolve/acme', { host: address });
    expect((await send(port, '/api/tenantresolve/acme', { host: address })).body).toContain('db-slug-cache');
  }
});
