import { connect } from 'node:net';
import type { Client } from 'pg';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { pgbouncerMissing, startPgBouncer } from '../support/pgbouncer.ts';
import { type StartedCli, startCli } from '../support/run.ts';
import { ACME, HOSTILE, makeTenants, OTHER, SYSTEM } from './database.ts';

const WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

interface Service {
  readonly url: string;
  readonly run: StartedCli;
}

async function serve(
  db: Pick<TestDatabase, 'env'>,
  env: Record<string, string> = {},
  ...args: string[]
): Promise<Service> {
  const run = startCli(['tenant', 'serve', '--port', '0', ...args], {
    cwd: await makeFolder(),
    env: { ...db.env, ...env },
  });
  await run.stderrContains('listening on ');
  const [, url = ''] = /listening on (http:\S+?),?(?:;| with)/.exec(run.output().stderr) ?? [];
  return { url, run };
}

async function get({ url }: Service, path: string, init: RequestInit = {}) {
  const response = await fetch(`${url}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

const resolve = (service: Service, identifier: string, query = '') =>
  get(service, `/api/tenantresolve/${encodeURIComponent(identifier)}${query}`);

test('one identifier: slug, UUID and system tenant, then from the cache', async ({ db }) => {
  await makeTenants(db);
  const service = await serve(db, { SYSTEM_TENANT_ID: SYSTEM });
  const acme = { uuid: ACME, slug: 'acme', found: true };
  expect(await resolve(service, 'acme')).toEqual({ status: 200, body: { ...acme, source: 'db-slug' } });
  expect(await resolve(service, 'acme')).toEqual({ status: 200, body: { ...acme, source: 'db-slug-cache' } });
  expect((await resolve(service, ACME)).body).toEqual({ ...acme, source: 'db-id' });
  expect((await resolve(service, HOSTILE)).body).toEqual({
    uuid: OTHER,
    slug: HOSTILE,
    found: true,
    source: 'db-slug',
  });
  expect((await resolve(service, 'system')).body).toEqual({
    uuid: SYSTEM,
    slug: 'internal',
    found: true,
    source: 'env',
  });
  const withStats = await resolve(service, 'acme', '?stats=true');
  expect(withStats.body.cache).toEqual({ ttlMs: 60_000, size: 4, hits: 2, misses: 4, hitRatio: 2 / 6 });
});

test('400 for what is bad or ambiguous, 404 for what is unknown, naming it', async ({ db }) => {
  await makeTenants(db);
  await db.query('update tenant set slug = $1 where id = $2', [ACME, OTHER]);
  const service = await serve(db);
  expect(await resolve(service, 'nobody')).toEqual({
    status: 404,
    body: { uuid: null, slug: 'nobody', found: false, source: 'unknown' },
  });
  const ambiguous = await resolve(service, ACME);
  expect(ambiguous.status).toBe(400);
  expect(ambiguous.body).toMatchObject({ error: 'ambiguous identifier', identifiers: [{ candidates: [ACME, OTHER] }] });
  for (const bad of [' ', 'a\u0000', 'x'.repeat(256)]) expect((await resolve(service, bad)).status).toBe(400);
  expect((await get(service, '/api/tenantresolve/%zz')).status).toBe(400);
  expect((await get(service, '/nothing')).status).toBe(404);
});

test('many identifiers at once; one that is ambiguous or bad refuses them all', async ({ db }) => {
  await makeTenants(db);
  const service = await serve(db);
  const many = await get(service, `/api/tenantresolve?ids=acme,nobody&ids=${OTHER}&stats=true`);
  expect(many.status).toBe(200);
  expect(many.body.results).toMatchObject([
    { input: 'acme', uuid: ACME },
    { input: 'nobody', uuid: null, found: false },
    { input: OTHER, slug: HOSTILE },
  ]);
  expect(many.body.cache).toMatchObject({ misses: 3 });
  expect((await get(service, '/api/tenantresolve')).status).toBe(400);
  expect((await get(service, '/api/tenantresolve?ids=acme,')).status).toBe(400);
  expect((await get(service, `/api/tenantresolve?ids=${Array(101).fill('a').join()}`)).status).toBe(400);
});

test('reset forgets answers and counts; the metrics have the five names of the manual', async ({ db }) => {
  await makeTenants(db);
  const service = await serve(db, { TENANT_RESOLVE_CACHE_TTL_MS: '30000' });
  for (const identifier of ['acme', 'acme', 'acme', ACME]) await resolve(service, identifier);
  const samples = async () =>
    ((await get(service, '/api/tenantresolve/metrics')).body as string)
      .split('\n')
      .filter((line) => /^[a-z]/.test(line));
  expect(await samples()).toEqual([
    'tenant_resolve_cache_size 2',
    'tenant_resolve_cache_hits_total 2',
    'tenant_resolve_cache_misses_total 2',
    'tenant_resolve_cache_hit_ratio 0.5',
    'tenant_resolve_cache_ttl_ms 30000',
  ]);
  await db.query(`update tenant set slug = 'renamed' where id = '${ACME}'`);
  expect((await resolve(service, 'acme')).body).toMatchObject({ source: 'db-slug-cache' });
  expect((await get(service, '/api/tenantresolve/reset', { method: 'POST' })).body).toMatchObject({ reset: true });
  expect(await samples()).toContain('tenant_resolve_cache_hits_total 0');
  expect((await resolve(service, 'acme')).status).toBe(404);
});

test('a thousand requests at once for a tenant that nobody remembers are one query', async ({ db }) => {
  await makeTenants(db);
  await db.superQuery('create extension pg_stat_statements');
  const service = await serve(db);
  const blocker = await db.connect();
  await blocker.query('begin; lock table tenant in access exclusive mode');
  const answers = Array.from({ length: 10 }, () => pipeline(service.url, '/api/tenantresolve/acme', 100));
  await expect.poll(async () => (await db.superQuery(WAITING)).length, { timeout: 20_000 }).toBe(1);
  await blocker.query('commit');
  expect((await Promise.all(answers)).flat()).toEqual(Array(1_000).fill('200'));
  const [row] = await db.superQuery(`
    select sum(calls)::int as calls from pg_stat_statements
    where query like '%where id = any%' and dbid = (select oid from pg_database where datname = current_database())
  `);
  expect(row).toEqual({ calls: 1 });
});

/** Sends many requests on one connection without waiting for an answer; returns the status of each. */
function pipeline(url: string, path: string, count: number): Promise<string[]> {
  const { hostname, port } = new URL(url);
  return new Promise((done, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!);
      if (statuses.length < count) return;
      socket.destroy();
      done(statuses);
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`.repeat(count));
  });
}

test('without the database: 503 for what is not remembered; when it is back so are the answers', async ({
  db,
  maintenance,
}) => {
  await makeTenants(db);
  const service = await serve(db);
  await resolve(service, 'acme');
  expect(await get(service, '/health')).toEqual({ status: 200, body: { status: 'ok', database: 'ok' } });
  await maintenance.query(`alter database ${db.name} with allow_connections false`);
  await endSessions(db, maintenance);
  expect((await resolve(service, 'acme')).body).toMatchObject({ source: 'db-slug-cache' });
  const away = await resolve(service, OTHER);
  expect(away).toEqual({
    status: 503,
    body: { error: 'database unavailable', message: 'the table of tenants cannot be read now' },
  });
  expect((await get(service, '/health')).status).toBe(503);
  await maintenance.query(`alter database ${db.name} with allow_connections true`);
  expect(await resolve(service, OTHER)).toMatchObject({ status: 200, body: { source: 'db-id' } });
  expect(service.run.output().stderr).toMatch(/the database gives no answer: .*\n.*the database answers again/);
});

test('a session that the server ended costs nobody an error', async ({ db, maintenance }) => {
  await makeTenants(db);
  const service = await serve(db);
  await resolve(service, 'acme');
  await endSessions(db, maintenance);
  expect(await resolve(service, OTHER)).toMatchObject({ status: 200 });
});

async function endSessions(db: TestDatabase, maintenance: Client): Promise<void> {
  await maintenance.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aisha-db tenant' and datname = $1",
    [db.name],
  );
}

test('with a token every endpoint but health wants it', async ({ db }) => {
  await makeTenants(db);
  const token = 'correct-horse-battery';
  const service = await serve(db, { AISHA_TENANT_TOKEN: token });
  const as = (authorization: string) => ({ headers: { authorization } });
  for (const init of [{}, as('Bearer wrong'), as(`Basic ${token}`), as(`Bearer ${token}x`)]) {
    for (const path of ['/api/tenantresolve/acme', '/api/tenantresolve?ids=acme', '/api/tenantresolve/metrics', '/x']) {
      expect((await get(service, path, init)).status, path).toBe(401);
    }
    expect((await get(service, '/api/tenantresolve/reset', { method: 'POST', ...init })).status).toBe(401);
  }
  expect((await get(service, '/api/tenantresolve/acme', as(`Bearer ${token}`))).body.uuid).toBe(ACME);
  expect((await get(service, '/health')).status).toBe(200);
  expect(service.run.output().stderr).not.toContain(token);
});

test('an address that others reach is refused without a token, and a port that is taken with its name', async ({
  db,
}) => {
  await makeTenants(db);
  const cwd = await makeFolder();
  const open = await startCli(['tenant', 'serve', '--host', '0.0.0.0', '--port', '0'], { cwd, env: db.env }).done;
  expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('others reach 0.0.0.0, and no token is set')]);
  const { url } = await serve(db);
  const { port } = new URL(url);
  const taken = await startCli(['tenant', 'serve', '--port', port], { cwd, env: db.env }).done;
  expect([taken.code, taken.stderr]).toEqual([2, expect.stringContaining(`127.0.0.1:${port} is in use`)]);
});

test('SIGTERM: the request under way is answered, connections are closed, the exit code is 0', async ({ db }) => {
  await makeTenants(db);
  const service = await serve(db);
  const blocker = await db.connect();
  await blocker.query('begin; lock table tenant in access exclusive mode');
  const answer = resolve(service, 'acme');
  await expect.poll(async () => (await db.superQuery(WAITING)).length, { timeout: 20_000 }).toBe(1);
  service.run.kill('SIGTERM');
  await service.run.stderrContains('SIGTERM: stopping');
  const port = Number(new URL(service.url).port);
  await expect.poll(() => isOpen(port), { timeout: 20_000 }).toBe(false);
  await blocker.query('commit');
  expect(await answer).toMatchObject({ status: 200, body: { uuid: ACME } });
  const done = await service.run.done;
  expect([done.code, done.stdout]).toEqual([0, 'stopped after 1 identifiers, 0 of them from the cache\n']);
});

function isOpen(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

test('a transaction pooler is as good as the server', async ({ db, skip }) => {
  skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
  await makeTenants(db);
  const pooler = await startPgBouncer({ mode: 'transaction' });
  try {
    const service = await serve({ env: { DATABASE_URL: pooler.through(db.url) } });
    expect((await resolve(service, 'acme')).body).toMatchObject({ uuid: ACME, source: 'db-slug' });
    service.run.kill('SIGTERM');
    expect((await service.run.done).code).toBe(0);
  } finally {
    await pooler.stop();
  }
});

test('a role that row-level security binds is refused: it would take tenants for unknown', async ({ db }) => {
  await makeTenants(db);
  await db.query('alter table tenant enable row level security, force row level security');
  const run = await startCli(['tenant', 'serve', '--port', '0'], { cwd: await makeFolder(), env: db.env }).done;
  expect(run.code).toBe(3);
  expect(run.stderr).toContain('row-level security hides rows of public.tenant from role "app_owner"');
});
