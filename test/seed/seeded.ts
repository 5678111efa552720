import { resolveTarget } from '../../src/postgres/target.ts';
import { type SeedOptions, seedDatabase } from '../../src/seed/seed.ts';
import { apply, FILES } from '../sql/pack.ts';
import { ownerUrl, type TestDatabase, withDatabase } from '../support/database.ts';
import { test as packTest, templateOf } from '../support/pack-database.ts';

/** Nobody listens, nobody interrupts. */
export const HOOKS = { signal: new AbortController().signal, info: () => {}, warn: () => {}, connected: () => {} };

/** What the rows of `seededDb` were made from. */
export const SEEDED: SeedOptions = { tenants: 3, rows: 120 };

export function targetOf(url: string) {
  return resolveTarget({ databaseUrl: url, env: {} });
}

/** `test` with the fixture `seededDb`: the shipped schema with invented rows of three tenants, seeded by its owner. */
export const test = packTest.extend<{ seededTemplate: string; seededDb: TestDatabase }>({
  seededTemplate: [
    ({ maintenance }, use) =>
      templateOf(maintenance, 'seeded', async (client) => {
        for (const file of FILES) await apply(client, file);
        await seedDatabase(targetOf(ownerUrl(client.database!)), SEEDED, HOOKS);
      }).then(use),
    { scope: 'file' },
  ],
  seededDb: async ({ maintenance, seededTemplate }, use) => withDatabase(maintenance, seededTemplate, use),
});

export { expect } from '../support/database.ts';
