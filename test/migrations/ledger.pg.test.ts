/** @module-tag since-13 */
import { ensureLedger, readLedger } from '../../src/migrations/ledger.ts';
import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { expect, test } from '../support/database.ts';

const NAME = { schema: 'Aisha "db"', table: 'migrations %' };

test('a ledger that another run makes while it is looked for is this one, and no foreign one', async ({ db }) => {
  const open = () =>
    Session.open(resolveTarget({ databaseUrl: db.url, env: {} }), { applicationName: 'aisha-db test' });
  const [session, other] = [await open(), await open()];
  let looks = 0;
  const query: Session['query'] = async (text, values) => {
    const rows = await session.query(text, values);
    if (++looks === 1) await ensureLedger(other, NAME, await readLedger(other, NAME));
    return rows as never;
  };
  const facts = await readLedger({ query, client: session.client } as Session, NAME);
  expect(facts).toEqual({ exists: true, missingColumns: [], rows: [], elsewhere: [] });
  expect(looks).toBeGreaterThan(2);
  const elsewhere = await readLedger(session, { ...NAME, schema: 'public' });
  expect(elsewhere).toMatchObject({ exists: false, elsewhere: ['"Aisha ""db"""."migrations %"'] });
  await Promise.all([session.close(), other.close()]);
});
