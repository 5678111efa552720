/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { invalidIndexes, makeProject, states, tables, until, WORKING } from './project.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;
const SLEEPS = `${WORKING} and wait_event = 'PgSleep'`;
const LOCKS = `select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  describe(signal, () => {
    test('during a long statement: exit 130 soon, nothing of the file remains, the lock is free', async ({ db }) => {
      const project = await makeProject(db, {
        '001_a.sql': 'create table a (id int);',
        '002_slow.sql': 'create table b (id int); select pg_sleep(3600);',
        '003_c.sql': 'create table c (id int);',
      });
      const run = project.start();
      await until(db, SLEEPS);
      run.kill(signal);
      const result = await run.done;
      expect(result.code).toBe(130);
      expect(result.stderr).toContain(`${signal}: stopping`);
      expect(result.json().error).toMatchObject({
        code: 'interrupted',
        message: expect.stringContaining('002_slow.sql'),
      });
      expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_slow.sql': 'failed', '003_c.sql': 'not-run' });
      expect(await tables(db)).toEqual(['a']);
      await expect.poll(() => db.query(LOCKS)).toEqual([]);
      await project.write({ '002_slow.sql': 'create table b (id int);' });
      await project.succeed();
      expect(await tables(db)).toEqual(['a', 'b', 'c']);
    });

    test('during an index build: no invalid index stays, and the next run goes on', async ({ db }) => {
      const project = await makeProject(db, {
        '001_a.sql': lines(
          'create table a (id int);',
          'create index concurrently a_id on a (id);',
          'create table b (id int);',
        ),
      });
      const holder = await db.connect();
      await holder.query('begin isolation level repeatable read; select 1');
      const run = project.start('--lock-timeout', '0');
      await until(db, 'select from pg_index where not indisvalid');
      run.kill(signal);
      const result = await run.done;
      expect(result.code).toBe(130);
      expect(result.json().error.message).toContain('interrupted in 001_a.sql after 1 of 3 statements');
      expect(states(result)).toEqual({ '001_a.sql': 'interrupted' });
      expect(await invalidIndexes(db)).toEqual([]);
      expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 1, in_hand: null }]);
      await holder.query('commit');
      await project.succeed();
      expect(await tables(db)).toEqual(['a', 'b']);
      expect(await db.query("select from pg_indexes where tablename = 'a'")).toHaveLength(1);
    });
  });
}

test('while it waits for another run: exit 130 at once', async ({ db }) => {
  const project = await makeProject(db, { '001_slow.sql': 'select pg_sleep(2);' });
  const first = project.start();
  await until(db, SLEEPS);
  const second = project.start();
  await second.stderrContains('waiting for another run');
  second.kill('SIGINT');
  expect((await second.done).code).toBe(130);
  expect((await first.done).code).toBe(0);
});

test('while it pauses before it tries for a lock again', async ({ db }) => {
  await db.query('create table a (id int)');
  const holder = await db.connect();
  await holder.query('begin; select from a');
  const project = await makeProject(db, { '001_a.sql': 'alter table a add column n int;' });
  const run = project.start('--lock-timeout', '100ms');
  await run.stderrContains('try 2 of 6');
  run.kill('SIGTERM');
  const result = await run.done;
  expect(result.code).toBe(130);
  expect(await project.ledger()).toEqual([]);
});

test('in the first statement of a file that is run statement by statement: no trace of it', async ({ db }) => {
  const project = await makeProject(db, {
    '001_a.sql': '-- Transaction: none\nselect pg_sleep(60);\ncreate table a (id int);',
  });
  const run = project.start();
  await until(db, SLEEPS);
  run.kill('SIGINT');
  const result = await run.done;
  expect(result.code).toBe(130);
  expect(result.json().error.message).toContain('the database is as it was before it');
  expect(await project.ledger()).toEqual([]);
});

test('in a test that is run by name', async ({ db }) => {
  const project = await makeProject(db, {
    '001_try.sql': 'begin; create table a (id int); select pg_sleep(60); rollback;',
  });
  const run = project.start('--only', '001_try.sql');
  await until(db, SLEEPS);
  run.kill('SIGINT');
  expect((await run.done).code).toBe(130);
  await expect.poll(() => db.query(SLEEPS)).toEqual([]);
});

test('the time given by --timeout is over: as if it had been interrupted', async ({ db }) => {
  const project = await makeProject(db, { '001_slow.sql': 'create table a (id int); select pg_sleep(60);' });
  const result = await project.migrate('--timeout', '2s');
  expect(result.code).toBe(130);
  expect(result.json().error.message).toContain('gave up after 2s');
  expect(await tables(db)).toEqual([]);
});

test('a second signal ends the program although the server does not answer', async ({ db }) => {
  await db.query(`create function stubborn() returns void language plpgsql as $$ begin
    for i in 1..40 loop begin perform pg_sleep(0.1); exception when query_canceled then null; end; end loop; end $$`);
  const project = await makeProject(db, { '001_a.sql': 'create table a (id int); select stubborn();' });
  const run = project.start();
  await until(db, SLEEPS);
  run.kill('SIGINT');
  await run.stderrContains('SIGINT: stopping');
  run.kill('SIGINT');
  expect((await run.done).code).toBe(130);
});
