import { test as plainTest, type TestDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';

/** A database whose only clients are the roles of the API. */
export const test = plainTest.extend<{ db: TestDatabase }>({
  db: async ({ db }, use) => {
    await withdrawReader(db);
    await use(db);
  },
});

/** Before 14 the tests' reader is granted every table by default: a client that app_owner may not become. */
export async function withdrawReader(db: TestDatabase): Promise<void> {
  if (testServer().versionNumber < 140_000)
    await db.superQuery('alter default privileges for role app_owner revoke select on tables from app_reader');
}
