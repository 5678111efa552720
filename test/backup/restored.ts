import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeAll } from 'vitest';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import { onSuperuser } from '../support/global-setup.ts';
import { testServer } from '../support/server.ts';

/** Databases that tests have restored into: gone after each test. */
export interface RestoredDatabases {
  /** A name that no other test has. */
  name(words: string): string;
  /** Runs SQL in a database as superuser. */
  query<Row>(database: string, sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Names of the databases that are there. */
  all(): Promise<string[]>;
}

/** For a file whose tests restore: app_dumper may then create databases, as `postgres` may on Supabase. */
export function restoredDatabases(): RestoredDatabases {
  const prefix = `${testServer().databasePrefix}r${randomBytes(2).toString('hex')} `;
  beforeAll(() => onSuperuser(testServer(), (client) => client.query('alter role app_dumper createdb createrole')));
  const all = () =>
    onSuperuser(testServer(), async (client) => {
      const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1) order by 1', [
        prefix,
      ]);
      return rows.map(({ datname }) => datname as string);
    });
  afterEach(async () => {
    for (const name of await all()) {
      await onSuperuser(testServer(), (client) =>
        client.query(`drop database if exists ${quoteIdentifier(name)} with (force)`),
      );
    }
  });
  return {
    name: (words) => `${prefix}${words}`,
    all,
    query: async (database, sql, params = []) => {
      const { host, port, superuser: user, superPassword: password } = testServer();
      const client = new pg.Client({ host, port, user, password, database });
      await client.connect();
      try {
        return (await client.query(sql, [...params])).rows;
      } finally {
        await client.end();
      }
    },
  };
}
