import pg from 'pg';
import { apply, FILES } from '../sql/pack.ts';
import { createDatabase, test as databaseTest, ownerUrl, type TestDatabase, withDatabase } from './database.ts';
import { testServer } from './server.ts';

/** `test` with the fixture `packDb`: a database of its own for one test, at the end of the shipped migrations. */
export const test = databaseTest.extend<{ template: string; packDb: TestDatabase }>({
  template: [({ maintenance }, use) => packTemplate(maintenance).then(use), { scope: 'file' }],
  packDb: async ({ maintenance, template }, use) => withDatabase(maintenance, template, use),
});

export { expect } from './database.ts';

/** Two files at once: the second waits for the template that the first makes. */
const MAKING_TEMPLATE = 999;

/** The shipped migrations, applied. */
function packTemplate(maintenance: pg.Client): Promise<string> {
  return templateOf(maintenance, 'pack', async (client) => {
    for (const file of FILES) await apply(client, file);
  });
}

/** The name of a database to copy others from, made by app_owner once for all test files that ask for it. */
export async function templateOf(
  maintenance: pg.Client,
  suffix: string,
  fill: (client: pg.Client) => Promise<void>,
): Promise<string> {
  const name = `${testServer().databasePrefix}${suffix}`;
  await maintenance.query('select pg_advisory_lock($1)', [MAKING_TEMPLATE]);
  try {
    const { rowCount } = await maintenance.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await makeTemplate(maintenance, name, fill);
    return name;
  } finally {
    await maintenance.query('select pg_advisory_unlock($1)', [MAKING_TEMPLATE]);
  }
}

/** Under its name only when it is complete. */
async function makeTemplate(
  maintenance: pg.Client,
  name: string,
  fill: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const draft = `${name}_draft`;
  await maintenance.query(`drop database if exists ${draft} with (force)`);
  await createDatabase(maintenance, draft);
  const client = new pg.Client({ connectionString: ownerUrl(draft) });
  await client.connect();
  await fill(client);
  await client.end();
  // A session in a template would keep everyone from copying it.
  await maintenance.query(`alter database ${draft} with allow_connections false`);
  await maintenance.query(`alter database ${draft} rename to ${name}`);
}
