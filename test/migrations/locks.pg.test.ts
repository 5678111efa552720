/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { invalidIndexes, makeProject, states, tables, until, WORKING } from './project.ts';

const WAITS_FOR_LOCK = `${WORKING} and wait_event_type = 'Lock'`;

describe('a lock that somebody else holds', () => {
  test('is tried for again; in vain: exit 6, who blocks is named, nothing of the file remains', async ({ db }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    await holder.query("set application_name = 'nightly report'");
    const { pid } = (await holder.query('select pg_backend_pid() as pid')).rows[0];
    await holder.query('begin');
    await holder.query('select count(*) from   a');
    const project = await makeProject(db, {
      '001_a.sql': 'create table b (id int); alter table a add column n int;',
      '002_b.sql': 'select 1;',
    });
    const result = await project.migrate('--lock-timeout', '300ms', '--lock-retries', '1');
    expect(result.code).toBe(6);
    const who = new RegExp(
      `waited for pid ${pid}, role app_owner, application nightly report, idle in transaction for \\S+: select count\\(\\*\\) from a`,
    );
    expect(result.stderr).toMatch(/001_a\.sql: canceling statement due to lock timeout; try 2 of 2 in 0\.\d s/);
    expect(result.stderr).toMatch(who);
    const { error } = result.json();
    expect(error).toMatchObject({
      code: 'lock',
      sqlState: '55P03',
      message: expect.stringContaining('at 001_a.sql:1:26'),
    });
    expect(error.details.at(-1)).toMatch(who);
    expect(states(result)).toEqual({ '001_a.sql': 'failed', '002_b.sql': 'not-run' });
    expect(await tables(db)).toEqual(['a']);
    expect(await project.ledger()).toEqual([]);
  });

  test('also of a VACUUM that does not give way, as one against wraparound does not', async ({ db }) => {
    await db.query('create table a as select generate_series(1, 20000) as id');
    const vacuum = await db.connect();
    await vacuum.query('set vacuum_cost_delay = 100; set vacuum_cost_limit = 1');
    const slow = vacuum.query('vacuum a').catch(() => 'cancelled');
    await until(db, "select from pg_stat_activity where query = 'vacuum a' and wait_event = 'VacuumDelay'");
    const project = await makeProject(db, { '001_a.sql': 'alter table a add column n int;' });
    const result = await project.migrate('--lock-timeout', '200ms', '--lock-retries', '0');
    expect([result.code, result.stderr]).toEqual([
      6,
      expect.stringMatching(/waited for pid \d+, role app_owner.*: vacuum a\n/),
    ]);
    await db.query("select pg_cancel_backend(pid) from pg_stat_activity where query = 'vacuum a'");
    expect(await slow).toBe('cancelled');
  });

  test('is got as soon as the holder leaves, without anybody doing anything', async ({ db }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    await holder.query('begin; lock table a');
    const project = await makeProject(db, { '001_a.sql': 'create table b (id int); insert into a values (1);' });
    const run = project.start('--lock-timeout', '200ms');
    await run.stderrContains('try 2 of 6');
    await holder.query('commit');
    const result = await run.done;
    expect(result.code, result.stderr).toBe(0);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
  });

  test('does not make readers behind the waiting statement wait longer than the lock time-out', async ({ db }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    await holder.query('begin; select from a');
    const project = await makeProject(db, { '001_a.sql': 'alter table a add column n int;' });
    const run = project.start('--lock-timeout', '700ms', '--lock-retries', '0');
    await until(db, WAITS_FOR_LOCK);
    const reader = await db.connect();
    // The holder never ends: the reader gets through only once the statement before it has given up.
    await reader.query('select from a');
    expect((await run.done).code).toBe(6);
  });

  test('the header of a file sets its own limits', async ({ db }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    await holder.query('begin; select from a');
    const project = await makeProject(db, {
      '001_a.sql': '-- Lock-Timeout: 200ms\nalter table a add column n int;',
    });
    const blocked = await project.migrate('--lock-timeout', '1h', '--lock-retries', '0');
    expect(blocked.code).toBe(6);
    expect(blocked.json().error.details).toContainEqual(expect.stringContaining('waited for pid'));
    await project.write({ '001_a.sql': '-- Statement-Timeout: 100ms\nselect pg_sleep(60);' });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(result.json().error).toMatchObject({
      sqlState: '57014',
      message: expect.stringContaining('statement timeout'),
    });
  });

  test('in a file that is run statement by statement: what ran is recorded, the rest goes on later', async ({ db }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    await holder.query('begin; lock table a in row exclusive mode');
    const project = await makeProject(db, {
      '001_a.sql': 'create table b (id int);\ncreate index concurrently a_id on a (id);\ncreate table c (id int);\n',
    });
    const failed = await project.migrate('--lock-timeout', '200ms', '--lock-retries', '1');
    expect(failed.code).toBe(8);
    expect(failed.json().error.details).toContainEqual(expect.stringContaining('waited for pid'));
    expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 1 }]);
    await holder.query('commit');
    await project.succeed();
    expect(await invalidIndexes(db)).toEqual([]);
    expect(await tables(db)).toEqual(['a', 'b', 'c']);
  });

  test('keeps an index build waiting at its end: what cannot be removed at once the next run removes', async ({
    db,
  }) => {
    await db.query('create table a (id int)');
    const holder = await db.connect();
    const project = await makeProject(db, { '001_a.sql': 'create index concurrently a_id on a (id);' });
    const run = project.start('--lock-timeout', '1500ms', '--lock-retries', '0');
    // Comes between the build's start and its end, and holds the table so that the index cannot be dropped either.
    const before = await db.connect();
    await before.query('begin isolation level repeatable read; select 1');
    await until(db, 'select from pg_index where not indisvalid');
    await holder.query('begin; insert into a values (1)');
    const failed = await run.done;
    expect(failed.code).toBe(8);
    expect(failed.json().error).toMatchObject({
      sqlState: '55P03',
      hint: expect.stringContaining('the next run removes'),
    });
    expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 0, in_hand: { unit: 0 } }]);
    await holder.query('commit');
    await before.query('commit');
    await project.succeed();
    expect(await invalidIndexes(db)).toEqual([]);
    expect(await db.query("select from pg_class where relname = 'a_id'")).toHaveLength(1);
  });

  test('keeps a partition half detached: the detach is finished by the next try', { tags: ['since-14'] }, async ({
    db,
  }) => {
    await db.query(
      'create table p (id int) partition by range (id); create table p1 partition of p for values from (1) to (9)',
    );
    const holder = await db.connect();
    await holder.query('begin; select from p');
    const project = await makeProject(db, {
      '001_a.sql': 'alter table p detach partition p1 concurrently;\ncreate table after (id int);',
    });
    const failed = await project.migrate('--lock-timeout', '300ms', '--lock-retries', '1');
    expect(failed.code).toBe(8);
    expect(await db.query('select inhdetachpending as pending from pg_inherits')).toEqual([{ pending: true }]);
    await holder.query('commit');
    await project.succeed();
    expect(await db.query('select from pg_inherits')).toEqual([]);
    expect(await tables(db)).toEqual(['after', 'p', 'p1']);
  });

  test('keeps DROP INDEX CONCURRENTLY waiting: it is not forgotten that the index is invalid already', async ({
    db,
  }) => {
    await db.query('create table a (id int); create index a_id on a (id)');
    const holder = await db.connect();
    await holder.query('begin; select from a');
    const project = await makeProject(db, { '001_a.sql': 'drop index concurrently a_id;' });
    const failed = await project.migrate('--lock-timeout', '300ms', '--lock-retries', '0');
    expect(failed.code).toBe(8);
    expect(await invalidIndexes(db)).toEqual(['a_id']);
    await holder.query('commit');
    await project.succeed();
    expect(await db.query("select from pg_class where relname = 'a_id'")).toEqual([]);
  });
});

test('a deadlock is tried again', async ({ db }) => {
  await db.query('create table a (id int); create table b (id int)');
  const other = await db.connect();
  const project = await makeProject(db, {
    '001_a.sql': 'create table c (id int); lock table a; select pg_sleep(0.8); lock table b;',
  });
  const run = project.start('--lock-timeout', '0');
  await until(db, `${WORKING} and wait_event = 'PgSleep'`);
  await other.query('begin; lock table b');
  // Whoever waits longer finds the deadlock: this session begins to wait later, and is not the one that is ended.
  await until(db, WAITS_FOR_LOCK);
  const second = other.query('lock table a');
  await run.stderrContains('deadlock detected; try 2 of 6');
  await second;
  await other.query('commit');
  const result = await run.done;
  expect(result.code, result.stderr).toBe(0);
  expect(await tables(db)).toEqual(['a', 'b', 'c']);
});

test('a file that cannot be serialised with others is tried again', async ({ db }) => {
  await db.query('create table a (id int); insert into a values (1)');
  const other = await db.connect();
  const project = await makeProject(db, {
    '001_a.sql':
      'begin isolation level repeatable read; select * from a; select pg_sleep(0.8); update a set id = id + 10; commit;',
  });
  const run = project.start();
  await until(db, `${WORKING} and wait_event = 'PgSleep'`);
  await other.query('update a set id = id + 1');
  const result = await run.done;
  expect(result.code, result.stderr).toBe(0);
  expect(result.stderr).toContain('could not serialize access due to concurrent update; try 2 of 6');
  expect(await db.query('select id from a')).toEqual([{ id: 12 }]);
});
