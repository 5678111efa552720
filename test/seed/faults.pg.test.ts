/** @module-tag since-15 */

import { Session } from '../../src/postgres/session.ts';
import { faultNames, loadFault } from '../../src/seed/faults.ts';
import { findEvidence, plantFaults } from '../../src/seed/plant.ts';
import { expect, HOOKS, targetOf, test } from './seeded.ts';

const LIMITS = { lockTimeoutMs: 5_000 };

test('a database that was seeded without faults has none of them', async ({ seededDb: db }) => {
  const session = await Session.open(targetOf(db.url), { applicationName: 'test' });
  for (const name of faultNames()) expect(await findEvidence(session, await loadFault(name)), name).toEqual([]);
  await session.close();
});

test.for(faultNames())(
  '%s is planted by the owner, who is no superuser, and by nothing else',
  async (name, { seededDb: db }) => {
    const [planted] = await plantFaults(targetOf(db.url), [name], LIMITS, HOOKS);
    const { evidence } = await loadFault(name);
    // The superuser sees all rows: what the owner found is true.
    const seen = await db.superQuery<{ object: string }>(evidence);
    expect(seen.map(({ object }) => object)).toEqual(planted!.objects);
    expect(planted!.objects.length).toBeGreaterThan(0);
  },
);

test('all of them together can be planted, twice', async ({ seededDb: db }) => {
  for (const _ of ['once', 'again']) {
    const planted = await plantFaults(targetOf(db.url), faultNames(), LIMITS, HOOKS);
    expect(planted.map(({ name }) => name)).toEqual(faultNames());
  }
});
