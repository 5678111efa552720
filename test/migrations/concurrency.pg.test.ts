/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { invalidIndexes, makeProject, states, tables, until, WORKING } from './project.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;
const SLEEPS = `${WORKING} and wait_event = 'PgSleep'`;

describe('several runners at once', () => {
  test('ten of them apply each file exactly once, and all succeed', async ({ db }) => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [
        `${String(i + 1).padStart(3, '0')}_f.sql`,
        `${i === 0 ? 'create table ran (step int); ' : ''}insert into ran values (${i + 1}); create table t${i} (id int);`,
      ]),
    );
    const index = 'create index concurrently on ran (step);\ninsert into ran values (13);';
    const project = await makeProject(db, { ...files, '013_index.sql': index }, { ownProcess: true });
    const results = await Promise.all(Array.from({ length: 10 }, () => project.migrate()));
    for (const result of results) {
      expect(result.code, result.stderr).toBe(0);
      expect(Object.values(states(result))).toEqual(Array(13).fill('applied'));
    }
    const steps = await db.query<{ step: number }>('select step from ran order by step');
    expect(steps.map((row) => row.step)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(await db.query("select from pg_indexes where tablename = 'ran'")).toHaveLength(1);
    expect(await project.ledger()).toHaveLength(13);
    // The rest found nothing to do, whatever they had planned before they waited.
    expect(results.filter((result) => /\[\d+\/\d+\]/.test(result.stderr))).toHaveLength(1);
  });

  test('one waits for the other and shows who that is', async ({ db }) => {
    const holder = await db.connect();
    await holder.query('select pg_advisory_lock(77)');
    const project = await makeProject(db, {
      '001_slow.sql': '-- Lock-Timeout: 0\nselect pg_advisory_xact_lock(77); create table a (id int);',
    });
    const first = project.start();
    await until(db, `${WORKING} and wait_event = 'advisory'`);
    const waiting = project.succeed();
    // Both are at rest: the second has asked who holds the lock.
    await until(
      db,
      "select from pg_stat_activity where application_name like 'aisha-db lock%' and query ~ 'from pg_catalog.pg_locks'",
    );
    await holder.query('select pg_advisory_unlock(77)');
    const second = await waiting;
    expect(second.stderr).toMatch(
      /waiting for another run: pid \d+, role app_owner, aisha-db lock \S+@\S+ \d+, .*since \d{4}-/,
    );
    expect(states(second)).toEqual({ '001_slow.sql': 'applied' });
    expect((await first.done).code).toBe(0);
  });

  test('one that may not wait ends at once: exit 6, and names the other', async ({ db }) => {
    const project = await makeProject(db, { '001_slow.sql': 'select pg_sleep(2);' });
    const first = project.start();
    await until(db, SLEEPS);
    for (const wait of ['0s', '300ms']) {
      const second = await project.migrate('--lock-wait', wait);
      expect(second.code).toBe(6);
      const { error } = second.json();
      expect(error.message).toBe('another run holds the migration lock');
      expect(error.details[0]).toMatch(/^held by pid \d+, role app_owner, aisha-db lock /);
    }
    expect((await first.done).code).toBe(0);
  });

  test('those that wait do not get in the way of an index build', async ({ db }) => {
    await db.query('create table a as select g as id from generate_series(1, 20000) g');
    const project = await makeProject(db, {
      '001_index.sql': lines(
        'create index concurrently on a (id);',
        'drop index concurrently a_id_idx;',
        'create index concurrently a_id on a (id);',
      ),
    });
    const holder = await db.connect();
    await holder.query('begin isolation level repeatable read; select 1');
    const first = project.start('--lock-timeout', '0');
    await until(db, 'select from pg_index where not indisvalid');
    const waiting = Array.from({ length: 5 }, () => project.start());
    await Promise.all(waiting.map((run) => run.stderrContains('waiting for another run')));
    await holder.query('commit');
    const others = await Promise.all(waiting.map((run) => run.done));
    const result = await first.done;
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).not.toContain('deadlock');
    for (const other of others) expect(other.code, other.stderr).toBe(0);
    expect(await invalidIndexes(db)).toEqual([]);
  });

  test('in two databases of one server they do not know of each other', async ({ db, maintenance }) => {
    const other = `${db.name}_other`;
    await maintenance.query(`create database ${other} owner app_owner`);
    try {
      const url = new URL(db.url);
      url.pathname = `/${other}`;
      const first = await makeProject(db, { '001_slow.sql': 'select pg_sleep(3);' });
      const second = await makeProject(
        db,
        { '001_a.sql': 'create table a (id int);' },
        { env: { DATABASE_URL: url.href } },
      );
      const run = first.start();
      await until(db, SLEEPS);
      await second.succeed('--lock-wait', '0s');
      expect(await db.query(SLEEPS)).toHaveLength(1);
      expect((await run.done).code).toBe(0);
    } finally {
      await maintenance.query(`drop database ${other} with (force)`);
    }
  });
});

describe('a connection that is ended', () => {
  const HOLDERS = `select pid from pg_stat_activity where datname = current_database() and application_name like 'aisha-db lock%'`;

  test('the one that holds the lock: nothing of the file in hand is committed', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table a (id int);',
      '002_slow.sql': 'create table b (id int); select pg_sleep(1);',
      '003_c.sql': 'create table c (id int);',
    });
    const run = project.start();
    await until(db, SLEEPS);
    await db.query(`select pg_terminate_backend(pid) from (${HOLDERS}) as holders`);
    const result = await run.done;
    expect(result.code).toBe(7);
    expect(result.json().error).toMatchObject({
      message: '002_slow.sql: the migration lock was lost while it ran',
      hint: expect.stringContaining('nothing of this file remains'),
    });
    expect(await tables(db)).toEqual(['a']);
    expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_slow.sql': 'failed', '003_c.sql': 'not-run' });
    await project.succeed();
  });

  test('the one that holds the lock, between two statements: what ran stays recorded', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines(
        '-- Transaction: none',
        'create table a (id int);',
        'select pg_sleep(1);',
        'create table b (id int);',
      ),
    });
    const run = project.start();
    await until(db, SLEEPS);
    await db.query(`select pg_terminate_backend(pid) from (${HOLDERS}) as holders`);
    const result = await run.done;
    expect(result.code).toBe(8);
    expect(result.json().error.message).toBe('001_a.sql: the migration lock was lost while it ran');
    expect(await tables(db)).toEqual(['a']);
    await project.succeed();
    expect(await tables(db)).toEqual(['a', 'b']);
  });

  test('the one that works: nothing of the file in hand is committed', async ({ db }) => {
    const project = await makeProject(db, { '001_slow.sql': 'create table b (id int); select pg_sleep(30);' });
    const run = project.start();
    await until(db, SLEEPS);
    await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
    const result = await run.done;
    expect(result.code).toBe(7);
    expect(result.json().error).toMatchObject({ sqlState: '57P01', hint: expect.stringContaining('run again') });
    expect(await tables(db)).toEqual([]);
  });

  for (const [name, files, code] of [
    ['first', ['create index concurrently a_id on a (id);', 'create table b (id int);'], 8],
    ['second', ['create table b (id int);', 'create index concurrently a_id on a (id);'], 8],
  ] as const) {
    test(`the one that builds an index (${name} statement): the next run removes what is invalid and builds it`, async ({
      db,
    }) => {
      await db.query('create table a as select g as id from generate_series(1, 1000) g');
      const project = await makeProject(db, { '001_a.sql': lines(...files) });
      const holder = await db.connect();
      await holder.query('begin isolation level repeatable read; select 1');
      const run = project.start('--lock-timeout', '0');
      await until(db, 'select from pg_index where not indisvalid');
      await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
      const result = await run.done;
      expect(result.code).toBe(code);
      await holder.query('commit');
      expect(await invalidIndexes(db)).toEqual(['a_id']);
      await project.succeed();
      expect(await invalidIndexes(db)).toEqual([]);
      expect(await db.query("select from pg_indexes where tablename = 'a'")).toHaveLength(1);
      expect(await tables(db)).toEqual(['a', 'b']);
    });
  }
});

describe('the ledger', () => {
  test('in another schema of the same database: refused rather than run everything again', async ({ db }) => {
    const files = { '001_a.sql': 'create table a (id int);' };
    const project = await makeProject(db, files);
    await project.succeed();
    const moved = await makeProject(db, {
      ...files,
      'aisha-db.config.json': JSON.stringify({ ledger: { schema: 'ops', table: 'history' } }),
    });
    const result = await moved.migrate();
    expect(result.code).toBe(4);
    expect(result.json().error.message).toBe('no ledger ops.history, but this database has one: aisha_db.migrations');
    expect(await db.query("select from pg_namespace where nspname = 'ops'")).toEqual([]);
  });

  test('of an older version is brought up to date: what was applied stays applied', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'create table a (id int);' });
    await project.succeed();
    const kept = ['file', 'checksum', 'applied_at'];
    const columns = await db.query<{ name: string }>(
      "select attname as name from pg_attribute where attrelid = 'aisha_db.migrations'::regclass and attnum > 0",
    );
    const dropped = columns.map((row) => row.name).filter((name) => !kept.includes(name));
    await db.query(`alter table aisha_db.migrations ${dropped.map((name) => `drop column ${name}`).join(', ')}`);
    expect(states(await project.migrate())).toEqual({ '001_a.sql': 'applied' });
    await project.write({ '002_b.sql': 'create table b (id int);', '003_c.sql': 'vacuum a;' });
    const result = await project.succeed();
    expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_b.sql': 'applied', '003_c.sql': 'applied' });
    expect(await project.ledger()).toMatchObject([{ state: 'applied' }, { state: 'applied' }, { state: 'applied' }]);
  });

  test('of a newer version, with columns nobody here knows, works', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'create table a (id int);' });
    await project.succeed();
    await db.query(
      'alter table aisha_db.migrations add column reviewer text, add column weight int not null default 3',
    );
    await db.query("update aisha_db.migrations set reviewer = 'Ada'");
    await project.write({ '002_b.sql': 'create table b (id int);' });
    await project.succeed();
    expect(await db.query('select file, reviewer, weight from aisha_db.migrations order by file')).toEqual([
      { file: '001_a.sql', reviewer: 'Ada', weight: 3 },
      { file: '002_b.sql', reviewer: null, weight: 3 },
    ]);
  });

  test('a table of the same name that is something else is left alone', async ({ db }) => {
    await db.query('create schema aisha_db; create table aisha_db.migrations (version bigint)');
    const project = await makeProject(db, { '001_a.sql': 'create table a (id int);' });
    const result = await project.migrate();
    expect(result.code).toBe(2);
    expect(result.json().error.message).toContain('aisha_db.migrations exists and is no ledger');
    expect(await tables(db)).toEqual([]);
  });
});
