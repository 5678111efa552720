import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { createStageRoles } from '../../src/diagnostics/stage/roles.ts';
import { startScratchServer } from '../../src/postgres/scratch-server.ts';
import { serverPrograms } from './server-versions.ts';

/** A server that the tests of one worker share. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly superPassword: string;
  /** Password of app_owner and app_reader. */
  readonly password: string;
  /** `15.18` */
  readonly version: string;
  /** `server_version_num`: 150018 */
  readonly versionNumber: number;
  /** Every database of this run is named with it. */
  readonly databasePrefix: string;
  /** The server goes with the run, so its databases need not be dropped one by one. */
  readonly temporary: boolean;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly servers: readonly TestServer[];
  }
}

/** Builds the program and provides a server with Supabase's kind of roles for each worker of the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.env['AISHA_SKIP_BUILD'] !== '1') await build();
  const started: StartedServer[] = [];
  const stop = async () => {
    for (const { stop } of started) await stop();
  };
  try {
    const { maxWorkers } = project.vitest.config;
    for (let worker = 1; worker <= (isShared() ? 1 : Number(maxWorkers)); worker++) started.push(await startServer());
    for (const { server } of started) await onSuperuser(server, (client) => createStageRoles(client, server));
  } catch (error) {
    await stop();
    throw error;
  }
  for (const { server, source } of started) {
    process.stderr.write(`tests use PostgreSQL ${server.version} (${source}) at ${server.host}:${server.port}\n`);
  }
  project.provide(
    'servers',
    started.map(({ server }) => server),
  );
  return async () => {
    for (const { server } of started) {
      if (!server.temporary) await onSuperuser(server, (client) => dropDatabases(client, server.databasePrefix));
    }
    await stop();
  };
}

async function build(): Promise<void> {
  const script = resolve(import.meta.dirname, '../../scripts/build.mjs');
  await promisify(execFile)(process.execPath, [script]).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`the program does not build:\n${error.stdout}${error.stderr}`);
  });
}

// ── which server ────────────────────────────────────────────────────────────────────────────────────────────────────

interface StartedServer {
  readonly server: TestServer;
  readonly source: string;
  stop(): Promise<void>;
}

type Address = Pick<TestServer, 'host' | 'port' | 'superuser' | 'superPassword'>;

/** Settings that tests rely on: ten runners at once, prepared transactions, and what Supabase preloads. */
const SETTINGS = {
  max_connections: '200',
  max_prepared_transactions: '10',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
} as const;

/** A server that was given, or a container, is one for all workers: vitest.config.ts runs only one then. */
function isShared(): boolean {
  return Boolean(process.env['AISHA_TEST_URL']) || process.env['AISHA_TEST_SERVER'] === 'container';
}

async function startServer(): Promise<StartedServer> {
  const url = process.env['AISHA_TEST_URL'];
  if (url) return useGivenServer(url);
  return process.env['AISHA_TEST_SERVER'] === 'container' ? startContainer() : startScratch();
}

async function useGivenServer(url: string): Promise<StartedServer> {
  const { hostname, port, username, password } = new URL(url);
  const address = {
    host: decodeURIComponent(hostname),
    port: Number(port || 5432),
    superuser: decodeURIComponent(username),
    superPassword: decodeURIComponent(password),
  };
  return { server: await testServer(address, false), source: 'AISHA_TEST_URL', stop: async () => {} };
}

async function startScratch(): Promise<StartedServer> {
  const major = process.env['AISHA_TEST_PG'];
  const scratch = await startScratchServer({
    settings: SETTINGS,
    ...(major ? { binaries: await serverPrograms(major) } : {}),
  });
  const { host, port, user: superuser, password: superPassword } = scratch;
  const server = await testServer({ host, port, superuser, superPassword }, true);
  return { server, source: 'scratch server', stop: () => scratch.stop() };
}

async function startContainer(): Promise<StartedServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const image = process.env['AISHA_TEST_IMAGE'] ?? 'postgres:15-alpine';
  const superPassword = randomBytes(12).toString('hex');
  const settings = Object.entries({ ...SETTINGS, fsync: 'off' }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: superPassword })
    .withCommand(['postgres', ...settings])
    .withExposedPorts(5432)
    // The image's entrypoint starts the server twice; the first one only runs its own scripts.
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
    .start();
  const address = { host: container.getHost(), port: container.getMappedPort(5432), superuser: 'postgres' };
  const server = await testServer({ ...address, superPassword }, true);
  return { server, source: `container ${image}`, stop: async () => void (await container.stop()) };
}

async function testServer(address: Address, temporary: boolean): Promise<TestServer> {
  const { version, number } = await onSuperuser(address, async (client) => {
    const { rows } = await client.query<{ version: string; number: number }>(`
      select split_part(current_setting('server_version'), ' ', 1) as version,
        current_setting('server_version_num')::integer as number
    `);
    return rows[0]!;
  });
  const password = randomBytes(12).toString('hex');
  const databasePrefix = `aisha_test_${randomBytes(4).toString('hex')}_`;
  return { ...address, password, version, versionNumber: number, databasePrefix, temporary };
}

/** Lends a connection of the server's superuser. */
export async function onSuperuser<T>(address: Address, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const { host, port, superuser, superPassword } = address;
  const client = new pg.Client({ host, port, user: superuser, password: superPassword, database: 'postgres' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

// ── databases ─────────────────────────────────────────────────────────────────────────────────────────────

async function dropDatabases(client: pg.Client, prefix: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'select datname as name from pg_database where starts_with(datname, $1) order by datname',
    [prefix],
  );
  for (const { name } of rows) await client.query(`drop database if exists ${name} with (force)`);
}
