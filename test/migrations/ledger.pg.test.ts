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

test('a ledger that a newer version has written is refused, not misread', async ({ db }) => {
  const session = await Session.open(resolveTarget({ databaseUrl: db.url, env: {} }), {
    applicationName: 'aisha-db test',
  });
  await ensureLedger(session, NAME, await readLedger(session, NAME));
  const refused = (sign: string) =>
    expect(readLedger(session, NAME)).rejects.toThrow(
      `the ledger Aisha "db".migrations % is of a newer version of aisha-db: ${sign}`,
    );
  const table = '"Aisha ""db"""."migrations %"';
  await session.query(`insert into ${table} (file, state, tool_version) values ('001_a.sql', 'skipped', '9.1.0')`);
  await refused('001_a.sql is skipped, by aisha-db 9.1.0');
  await session.query(`delete from ${table}; alter table ${table} add column tenant text not null default ''`);
  expect(await readLedger(session, NAME)).toMatchObject({ exists: true, rows: [] });
  await session.query(`alter table ${table} alter column tenant drop default`);
  await refused('column tenant needs a value');
  await session.close();
});
