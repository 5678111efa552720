/** @module-tag since-13 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { expect, type TestDatabase, test } from '../support/database.ts';
import type { StartedCli } from '../support/run.ts';
import { invalidIndexes, makeProject, type Project, states, until, WORKING } from './project.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;

/** Every statement leaves a trace that shows whether it took effect once: rows of a counter, objects that clash. */
const STATEMENTS = [
  'create table ran (step int);',
  'create table a (id int, t text);',
  'insert into a select g, md5(g::text) from generate_series(1, 30000) g;',
  'insert into ran values (1);',
  'create index concurrently a_id on a (id);',
  'begin; insert into ran values (2); create table b (id int); commit;',
  'create unique index concurrently on a (t);',
  'insert into ran values (3);',
  'vacuum a;',
  'drop index concurrently a_id;',
  'reindex table concurrently a;',
  'insert into ran values (4);',
];
const FILE = lines(...STATEMENTS);

async function expectOnceEach(db: TestDatabase, project: Project): Promise<void> {
  expect(await db.query('select step from ran order by step')).toEqual([
    { step: 1 },
    { step: 2 },
    { step: 3 },
    { step: 4 },
  ]);
  expect(await db.query('select count(*)::int as n from a')).toEqual([{ n: 30_000 }]);
  expect(await db.query("select indexname from pg_indexes where tablename = 'a'")).toEqual([{ indexname: 'a_t_idx' }]);
  expect(await invalidIndexes(db)).toEqual([]);
  expect(await project.ledger()).toMatchObject([
    { state: 'applied', statements_done: STATEMENTS.length, in_hand: null },
    { file: '002_after.sql', state: 'applied' },
  ]);
}

async function killed(run: StartedCli): Promise<void> {
  run.kill('SIGKILL');
  await run.done;
}

/** Runs the program until it comes to its end; every run before that was killed. */
async function finish(project: Project): Promise<string> {
  const result = await project.succeed();
  return result.stderr;
}

/** Sessions that wait for the test's advisory lock. */
const WAITING = "select pid from pg_locks where locktype = 'advisory' and not granted and objid = 77";

/** What is written to the ledger, in order: `state done in-hand`. */
function boundaries(): string[] {
  const alone = /concurrently|vacuum/;
  const steps = STATEMENTS.flatMap((sql, i) => [
    ...(alone.test(sql) ? [`interrupted ${i} true`] : []),
    `interrupted ${i + 1} false`,
  ]);
  return [...steps, `applied ${STATEMENTS.length} false`];
}

/** Makes the server stop inside the statement that writes such a row. */
async function pauses(db: TestDatabase) {
  await db.query(`
    create table pause (boundary text);
    create function pause() returns trigger language plpgsql as $$ begin
      if exists (select from public.pause where boundary = concat_ws(' ', new.state, new.statements_done, (new.in_hand is not null)::text)) then
        perform pg_catalog.pg_advisory_xact_lock_shared(77);
      end if;
      return new;
    end $$;
    create trigger pause before insert on aisha_db.migrations for each row execute function pause();
  `);
  const holder = await db.connect();
  return {
    pauseAt: async (boundary: string) => {
      await holder.query('select pg_advisory_lock(77)');
      await db.query('delete from pause');
      await db.query('insert into pause values ($1)', [boundary]);
    },
    release: async () => {
      await db.query('delete from pause');
      await holder.query('select pg_advisory_unlock(77)');
    },
  };
}

const FILES = { '001_steps.sql': FILE, '002_after.sql': 'create table after (id int);' };

describe('killed (SIGKILL) while a file is run statement by statement', () => {
  test('at every statement boundary, before and behind the ledger is written', async ({ db }) => {
    const project = await makeProject(db, { '000_first.sql': 'select 1;' });
    await project.migrate();
    await project.write(FILES);
    const { pauseAt, release } = await pauses(db);
    for (const boundary of boundaries()) {
      for (const isWritten of [false, true]) {
        await pauseAt(boundary);
        const run = project.start('--lock-timeout', '0');
        await until(db, WAITING);
        await killed(run);
        // Either the server process goes with the program, or it does what it has been told before it notices.
        if (!isWritten) await db.query(`select pg_terminate_backend(pid) from (${WAITING}) as waiting`);
        await release();
        await expect.poll(() => db.query(WORKING)).toEqual([]);
      }
    }
    await finish(project);
    await db.query('delete from aisha_db.migrations where file = $1', ['000_first.sql']);
    await expectOnceEach(db, project);
  });

  test('at random moments, until it is through', async ({ db }) => {
    const project = await makeProject(db, FILES);
    for (let attempt = 0; attempt < 14; attempt++) {
      const run = project.start();
      await Promise.race([sleep(150 + Math.random() * 500), run.done]);
      await killed(run);
    }
    await finish(project);
    await expectOnceEach(db, project);
  });

  for (const built of [1, 2]) {
    test(`in the middle of index build ${built}, held up by a transaction of another session`, async ({ db }) => {
      const project = await stoppedBehind(db, built === 1 ? 4 : 6);
      // An open transaction with a snapshot: the build waits for its end before the index becomes valid.
      const holder = await db.connect();
      await holder.query('begin isolation level repeatable read; select 1');
      const run = project.start('--lock-timeout', '0');
      await until(db, `${WORKING} and query ilike 'create%index concurrently%'`);
      await until(db, 'select from pg_index where not indisvalid');
      await killed(run);
      await holder.query('commit');
      await finish(project);
      await expectOnceEach(db, project);
    });
  }

  test('and its server process as well: the invalid index is removed and built again', async ({ db }) => {
    const project = await stoppedBehind(db, 4);
    const holder = await db.connect();
    await holder.query('begin isolation level repeatable read; select 1');
    const run = project.start('--lock-timeout', '0');
    await until(db, 'select from pg_index where not indisvalid');
    await killed(run);
    await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
    await holder.query('commit');
    expect(await invalidIndexes(db)).toEqual(['a_id']);
    const stderr = await finish(project);
    expect(stderr).toContain('removing index public.a_id, left invalid by an interrupted build');
    expect(stderr).toContain('001_steps.sql: statement 5 was interrupted; it is run again');
    await expectOnceEach(db, project);
  });

  test('and the statement is changed before the next run: refused, since what it left would never be found', async ({
    db,
  }) => {
    const project = await stoppedBehind(db, 4);
    const holder = await db.connect();
    await holder.query('begin isolation level repeatable read; select 1');
    const run = project.start('--lock-timeout', '0');
    await until(db, 'select from pg_index where not indisvalid');
    await killed(run);
    await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
    await holder.query('commit');
    await project.write({ '001_steps.sql': FILE.replace('concurrently a_id on', 'concurrently a_other on') });
    const refused = await project.migrate();
    expect(refused.code).toBe(5);
    expect(refused.json().error.message).toContain('statement 5 was interrupted and has been changed since');
    expect(states(refused)).toMatchObject({ '001_steps.sql': 'interrupted' });
    await project.write(FILES);
    await finish(project);
    await expectOnceEach(db, project);
  });

  test('behind a statement that runs alone, before it is recorded: it is recognised', async ({ db }) => {
    const project = await stoppedBehind(db, 4);
    // What a kill between the end of the build and the ledger leaves.
    const indexes = await db.query<{ oid: string }>(
      "select indexrelid as oid from pg_index where indrelid = 'a'::regclass",
    );
    await db.query('create index concurrently a_id on a (id)');
    await db.query('update aisha_db.migrations set in_hand = $1', [
      JSON.stringify({ unit: 4, indexes: indexes.map((row) => Number(row.oid)) }),
    ]);
    expect(await finish(project)).toContain('statement 5 was interrupted; it had taken effect');
    await expectOnceEach(db, project);
  });

  test('in a block that commits in its body: the next run asks, and repeats nothing by itself', async ({ db }) => {
    const body = 'begin for i in 1..200 loop insert into ran values (i); commit; perform pg_sleep(0.02); end loop; end';
    const project = await makeProject(db, {
      '001_do.sql': lines('create table ran (i int);', `do $$ ${body} $$;`, 'create table after (id int);'),
    });
    const run = project.start();
    await until(db, "select from pg_class where relname = 'ran'");
    await until(db, 'select from ran having count(*) > 3');
    await killed(run);
    await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
    const count = async () => Number((await db.query('select count(*) as n from ran'))[0]!['n']);
    await expect.poll(() => db.query(WORKING)).toEqual([]);
    const before = await count();
    const asked = await project.migrate();
    expect(asked.code).toBe(8);
    expect(asked.json().error.hint).toContain('aisha-db repair 001_do.sql --statement done');
    expect(await count()).toBe(before);
    expect((await project.command('repair', '001_do.sql', '--statement', 'done')).code).toBe(0);
    await project.succeed();
    expect(await count()).toBe(before);
  });
});

test('what commits in its own body is run again unasked where the header says so, after a kill and after an error', async ({
  db,
}) => {
  const body = `declare next int; begin loop
      select coalesce(max(i), 0) + 1 into next from ran; exit when next > 60;
      if next = 40 and not exists (select from mended) then raise exception 'not yet'; end if;
      insert into ran values (next); commit; perform pg_sleep(0.02); end loop; end`;
  const project = await makeProject(db, {
    '001_do.sql': lines(
      '-- On-Interruption: repeat',
      'create table ran (i int primary key); create table mended (at timestamptz);',
      `do $$ ${body} $$;`,
      'create table after (id int);',
    ),
  });
  const run = project.start();
  await until(db, "select from pg_class where relname = 'mended'");
  await until(db, 'select from ran having count(*) > 3');
  await killed(run);
  await db.query(`select pg_terminate_backend(pid) from (${WORKING}) as working`);
  const failed = await project.migrate();
  expect([failed.code, failed.json().error.hint]).toEqual([8, 'Run again: it goes on where it ended.']);
  await db.query('insert into mended values (now())');
  await project.succeed();
  expect(await db.query('select count(*)::int as n, max(i) from ran')).toEqual([{ n: 60, max: 60 }]);
});

describe('killed (SIGKILL) while a file runs in one transaction', () => {
  test('in the middle: the next run waits for the server process that is left, and applies each file once', async ({
    db,
  }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table ran (step int);',
      '002_slow.sql': 'insert into ran values (1); select pg_sleep(5); insert into ran values (2);',
      '003_b.sql': 'insert into ran values (3);',
    });
    const run = project.start();
    await until(db, `${WORKING} and query like '%pg_sleep%' and wait_event = 'PgSleep'`);
    await killed(run);
    expect(await finish(project)).toContain('waiting for another run: pid');
    expect(await db.query('select step from ran order by step')).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
    expect(await project.ledger()).toHaveLength(3);
  });

  test('in the middle of a file of several messages: nothing of it is left', async ({ db }) => {
    const filler = Array.from({ length: 12_000 }, (_, i) => `insert into ran values (${i}); -- ${'x'.repeat(30)}`);
    const project = await makeProject(db, {
      '001_a.sql': 'create table ran (step int);',
      '002_big.sql': lines(...filler, 'select pg_sleep(1);', ...filler),
    });
    const run = project.start();
    await until(db, `${WORKING} and wait_event = 'PgSleep'`);
    await killed(run);
    await finish(project);
    expect(await db.query('select count(*)::int as n from ran')).toEqual([{ n: 24_000 }]);
  });

  test('at random moments of a run of many files: each is applied once', async ({ db }) => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [
        `${String(i + 1).padStart(3, '0')}_f.sql`,
        `${i === 0 ? 'create table ran (step int); ' : ''}insert into ran values (${i + 1}); create table t${i} (id int); select pg_sleep(0.01);`,
      ]),
    );
    const project = await makeProject(db, files);
    for (let attempt = 0; attempt < 6; attempt++) {
      const run = project.start();
      await Promise.race([sleep(250 + Math.random() * 350), run.done]);
      await killed(run);
    }
    await finish(project);
    expect(await db.query('select count(*)::int as n, count(distinct step)::int as d from ran')).toEqual([
      { n: 60, d: 60 },
    ]);
    expect(await project.ledger()).toHaveLength(60);
  });
});

/** A project whose first file was killed when so many statements were recorded, and before the next one began. */
async function stoppedBehind(db: TestDatabase, statements: number): Promise<Project> {
  const project = await makeProject(db, { '001_steps.sql': 'select 1 / 0;' });
  expect((await project.migrate()).code).toBe(7);
  await project.write(FILES);
  const { pauseAt, release } = await pauses(db);
  await pauseAt(`interrupted ${statements} true`);
  const run = project.start('--lock-timeout', '0');
  await until(db, WAITING);
  await killed(run);
  await db.query(`select pg_terminate_backend(pid) from (${WAITING}) as waiting`);
  await release();
  await expect.poll(() => db.query(WORKING)).toEqual([]);
  expect(await project.ledger()).toMatchObject([{ statements_done: statements, in_hand: null }]);
  return project;
}
