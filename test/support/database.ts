import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { test as plainTest } from 'vitest';
import { openClient, openStageDatabase, type StageDatabase, stageUrl } from '../../src/diagnostics/stage/database.ts';
import type { TestServer } from './global-setup.ts';
import { testServer } from './server.ts';

/** A database of its own for one test, owned by app_owner, who is no superuser. */
export interface TestDatabase extends StageDatabase {
  readonly host: string;
  readonly port: number;
  /** As app_reader, who may read everything and write nothing. */
  readonly readerUrl: string;
  /** What the program needs to find the database. */
  readonly env: Readonly<Record<string, string>>;
}

/** `test` with the fixture `db`, made only for tests that name it. */
export const test = plainTest.extend<{ db: TestDatabase; maintenance: pg.Client }>({
  maintenance: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the parameter to know which fixtures are needed
    async ({}, use) => {
      const { superuser, superPassword } = testServer();
      const client = await openClient(urlOf(superuser, superPassword, 'postgres'));
      await use(client);
      await client.end();
    },
    { scope: 'file' },
  ],
  db: async ({ maintenance }, use) => withDatabase(maintenance, undefined, use),
});

export { expect } from 'vitest';

/** Lends a database that is gone afterwards, a copy of the template if there is one. */
export async function withDatabase(
  maintenance: pg.Client,
  template: string | undefined,
  use: (db: TestDatabase) => Promise<void>,
): Promise<void> {
  const server = testServer();
  const name = `${server.databasePrefix}${randomBytes(5).toString('hex')}`;
  await createDatabase(maintenance, name, template);
  const { db, close } = openDatabase(server, name);
  await use(db);
  await close();
  await maintenance.query(`drop database if exists ${name} with (force)`);
}

/** Makes a database of app_owner, a copy of the template if there is one. */
export async function createDatabase(maintenance: pg.Client, name: string, template?: string): Promise<void> {
  const server = testServer();
  // Copying files instead of logging every page takes a third of the time; PostgreSQL 15 made the other way the default.
  const strategy = server.versionNumber >= 150_000 ? 'strategy file_copy' : '';
  const from = template === undefined ? '' : `template ${template}`;
  await maintenance.query(`create database ${name} owner app_owner ${from} ${strategy}`);
  if (server.versionNumber < 140_000) await grantReading(urlOf(server.superuser, server.superPassword, name, server));
}

/** The URL of a database of the shared server, as app_owner. */
export function ownerUrl(database: string): string {
  return urlOf('app_owner', testServer().password, database);
}

/** The URL of a database of the shared server. */
function urlOf(user: string, password: string, database: string, server: TestServer = testServer()): string {
  return stageUrl(server, user, password, database);
}

/** What the role pg_read_all_data gives from PostgreSQL 14 on, for what app_owner makes. */
async function grantReading(superUrl: string): Promise<void> {
  const client = await openClient(superUrl);
  await client.query(`
    alter default privileges for role app_owner grant usage on schemas to app_reader;
    alter default privileges for role app_owner grant select on tables to app_reader;
    alter default privileges for role app_owner grant select on sequences to app_reader
  `);
  await client.end();
}

function openDatabase(server: TestServer, name: string): { db: TestDatabase; close: () => Promise<void> } {
  const { host, port } = server;
  const { db, close } = openStageDatabase(server, name);
  const readerUrl = urlOf('app_reader', server.password, name, server);
  return { db: { ...db, host, port, readerUrl, env: { DATABASE_URL: db.url } }, close };
}
