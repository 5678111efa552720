import { onTestFinished } from 'vitest';
import { PlannedSession } from '../../src/postgres/planned-session.ts';
import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

async function open(db: TestDatabase): Promise<Session> {
  const session = await Session.open(resolveTarget({ databaseUrl: db.url, env: {} }), { applicationName: 'test' });
  onTestFinished(() => session.close());
  return session;
}

test('behind an error it is known whether a transaction is open, every time', async ({ db }) => {
  const session = await open(db);
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.name);
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  for (let round = 0; round < 40; round++) {
    const { error, completed } = await session.script(['begin; select 1; select 1 / 0; commit']);
    expect(error).toMatchObject({ code: '22012' });
    expect(completed).toBe(2);
    expect(session.inTransaction).toBe(true);
    expect((await session.script(['rollback'])).error).toBeUndefined();
    expect(session.inTransaction).toBe(false);
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

test('an error outside of a transaction leaves none', async ({ db }) => {
  const session = await open(db);
  expect((await session.script(['select 1; select 1 / 0'])).completed).toBe(1);
  expect(session.inTransaction).toBe(false);
});

test('a connection that is ended in the middle is an error, and so is whatever comes after it', async ({ db }) => {
  const session = await open(db);
  const ended = await session.script(['begin; select pg_terminate_backend(pg_backend_pid()); commit']);
  expect(ended.error).toMatchObject({ code: '57P01' });
  expect((await session.script(['select 1'])).error).toBeInstanceOf(Error);
  await expect(session.query('select 1')).rejects.toThrow();
});

test('a connection that is cut without a word is an error', async ({ db }) => {
  const session = await open(db);
  const waiting = session.script(['select pg_sleep(30)']);
  setTimeout(() => session.destroy(), 100);
  expect((await waiting).error).toBeInstanceOf(Error);
});

test('COPY without data for it is an error, and the session goes on', async ({ db }) => {
  const session = await open(db);
  const { error, completed } = await session.script(['create temp table a (id int); copy a from stdin; select 1']);
  expect(error).toMatchObject({ message: expect.stringContaining('the file holds no data for this COPY') });
  expect(completed).toBe(1);
  expect(await session.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('what a script selects or copies out goes nowhere, and does not disturb', async ({ db }) => {
  const session = await open(db);
  const rows = 'select generate_series(1, 5000)';
  const { error, tags } = await session.script([`${rows}; copy (${rows}) to stdout;; values (1)`], { keepTags: true });
  expect(error).toBeUndefined();
  expect(tags).toEqual(['SELECT 5000', 'COPY 5000', 'SELECT 1']);
});

test('several that ask of one connection at the same time are heard one after the other', async ({ db }) => {
  const session = await open(db);
  const planned = new PlannedSession(session, 'test_');
  const client = session.client as unknown as { query(...args: unknown[]): Promise<unknown> };
  const query = client.query.bind(client);
  let [active, most] = [0, 0];
  client.query = (...args) => {
    most = Math.max(most, ++active);
    return query(...args).finally(() => active--);
  };
  const failing = session.query('select 1 / 0').catch((error: Error) => error.message);
  const asked = [session.query('select 1 as n'), planned.query('select 2 as n'), session.query('select 3 as n')];
  expect(await Promise.all(asked)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]]);
  expect(await failing).toBe('division by zero');
  expect(most).toBe(1);
});
