/** @module-tag since-13 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { additionsOf } from '../../src/migrations/additive.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeProject, type Project, states, tables, until } from './project.ts';

// Files that only add are sent to the server before those in front of them are committed.

const WAITS = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
const NUMBERS = ['001', '002', '003', '004', '005', '006'];

const table = (number: string) =>
  `create table "t%${number}" (id int primary key, note text default 'it''s');\ninsert into "t%${number}" values (1, '\\');\n`;

/** Six files that only add; `changes` replaces some of them. */
async function six(db: TestDatabase, changes: Readonly<Record<string, string>> = {}): Promise<Project> {
  const files = Object.fromEntries(NUMBERS.map((number) => [`${number}_o'x %.sql`, changes[number] ?? table(number)]));
  for (const sql of Object.values(files)) expect(additionsOf(Buffer.from(sql))).toBeDefined();
  return makeProject(db, files);
}

const nameOf = (number: string) => `${number}_o'x %.sql`;
const madeBy = (...numbers: string[]) => numbers.map((number) => `t%${number}`);
const applied = async (project: Project) => (await project.ledger()).map(({ file }) => file.slice(0, 3));

for (const gate of ['enforce', 'off'] as const) {
  describe(`with the gate: ${gate}`, () => {
    const config = { 'aisha-db.config.json': JSON.stringify({ gate }) };

    test('each is a transaction of its own, with a time of its own, and recorded in order', async ({ db }) => {
      const project = await six(db);
      await project.write(config);
      await project.succeed();
      expect(await applied(project)).toEqual(NUMBERS);
      expect(await tables(db)).toEqual(madeBy(...NUMBERS));
      const [row] = await db.query<{ transactions: number; rows: number }>(
        `select count(distinct xmin::text)::int as transactions, count(*)::int as rows from aisha_db.migrations
         where statements_done = 2 and statements_total = 2 and execution_time_ms between 0 and 60000
           and number is not null and token_checksum is not null and applied_by = session_user`,
      );
      expect(row).toEqual({ transactions: 6, rows: 6 });
    });

    test('one that fails stops those that the server has already', async ({ db }) => {
      const project = await six(db, { '003': `${table('003')}insert into "t%003" values (1, 'again');\n` });
      await project.write(config);
      const result = await project.migrate();
      expect(result.code).toBe(7);
      expect(result.json().error.message).toContain(`${nameOf('003')}:3:1`);
      expect(result.json().error.message).toContain('duplicate key');
      const expected = NUMBERS.map((n) => [nameOf(n), n < '003' ? 'applied' : n === '003' ? 'failed' : 'not-run']);
      expect(states(result)).toEqual(Object.fromEntries(expected));
      expect(await applied(project)).toEqual(['001', '002']);
      expect(await tables(db)).toEqual(madeBy('001', '002'));

      await project.write({ [nameOf('003')]: table('003') });
      await project.succeed();
      expect(await applied(project)).toEqual(NUMBERS);
    });

    test('one that fails at its COMMIT stops them as well', async ({ db }) => {
      const project = await six(db);
      await project.write({ ...config, [nameOf('001')]: `select 1;\n${table('001')}` });
      await project.succeed('--to', '001');
      // A trigger that speaks when everything else about the file is done.
      await db.query(`
        create function late() returns trigger language plpgsql as
          $$ begin if new.number = '003' then raise exception 'refused at the end'; end if; return null; end $$;
        create constraint trigger late after insert on aisha_db.migrations deferrable initially deferred
          for each row execute function late()`);
      const result = await project.migrate();
      expect(result.code).toBe(7);
      expect(result.json().error.message).toContain(`${nameOf('003')}: refused at the end`);
      expect(await applied(project)).toEqual(['001', '002']);
      expect(await tables(db)).toEqual(madeBy('001', '002'));

      await db.query('drop trigger late on aisha_db.migrations');
      await project.succeed();
      expect(await applied(project)).toEqual(NUMBERS);
      expect(await tables(db)).toEqual(madeBy(...NUMBERS));
    });

    test('beside files of other kinds and other limits, in order', async ({ db }) => {
      const project = await six(db);
      await project.write({
        ...config,
        '002a_other.sql': "set search_path = pg_catalog; select set_config('aisha_db.turn', '999', false);",
        '003a_alone.sql': 'create index concurrently a on "t%003" (note);',
        '004a_limits.sql': `-- Lock-Timeout: 1min\ncreate table limited as select current_setting('lock_timeout') as at;`,
        '004b_limits.sql': `-- Lock-Timeout: 2min\n${table('004b')}`,
        '004c_prepares.sql': 'deallocate all; prepare p as select 1;',
        '005a_empty.sql': '-- nothing\n',
      });
      await project.succeed();
      expect(await applied(project)).toEqual([
        '001',
        '002',
        '002',
        '003',
        '003',
        '004',
        '004',
        '004',
        '004',
        '005',
        '005',
        '006',
      ]);
      expect(await db.query('select at from limited')).toEqual([{ at: '1min' }]);
    });
  });
}

describe('one that waits for a lock, with others behind it', () => {
  const WAITING = { '003': 'alter table "t%001" add column late int;' };

  async function blocked(db: TestDatabase): Promise<{ project: Project; release(): Promise<unknown> }> {
    const project = await six(db, WAITING);
    await project.succeed('--to', '001');
    const holder = await db.connect();
    await holder.query('begin; lock table "t%001"');
    return { project, release: () => holder.query('commit') };
  }

  test('is tried again and named with who blocks it; afterwards all are applied once', async ({ db }) => {
    const { project, release } = await blocked(db);
    const run = project.migrate('--lock-timeout', '300ms', '--lock-retries', '1000');
    await until(db, WAITS);
    await sleep(500);
    await release();
    const result = await run;
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(`${nameOf('003')}: waited for pid`);
    expect(await applied(project)).toEqual(NUMBERS);
  });

  test('in vain: exit 6, and nothing behind it is applied', async ({ db }) => {
    const { project, release } = await blocked(db);
    const result = await project.migrate('--lock-timeout', '100ms', '--lock-retries', '0');
    await release();
    expect(result.code).toBe(6);
    expect(result.json().error.message).toContain(nameOf('003'));
    expect(await applied(project)).toEqual(['001', '002']);
    expect(await tables(db)).toEqual(madeBy('001', '002'));
  });

  test('SIGINT: exit 130, and nothing behind it is applied', async ({ db }) => {
    const { project, release } = await blocked(db);
    const run = project.start('--lock-timeout', '0');
    await until(db, WAITS);
    run.kill('SIGINT');
    const result = await run.done;
    await release();
    expect(result.code).toBe(130);
    expect(states(result)[nameOf('003')]).toBe('failed');
    expect(await applied(project)).toEqual(['001', '002']);
    await project.succeed();
    expect(await applied(project)).toEqual(NUMBERS);
  });

  test('kill -9: what the server has already is not applied without the lock, and the next run goes on', async ({
    db,
  }) => {
    const { project, release } = await blocked(db);
    const run = project.start('--lock-timeout', '0');
    await until(db, WAITS);
    run.kill('SIGKILL');
    await run.done;
    await release();
    await project.succeed('--lock-wait', '60s');
    expect(await applied(project)).toEqual(NUMBERS);
    expect(await tables(db)).toEqual(madeBy('001', '002', '004', '005', '006'));
  });

  test('the server process ends: what was applied is told apart from what was not', async ({ db }) => {
    const { project, release } = await blocked(db);
    const run = project.migrate('--lock-timeout', '0');
    await until(db, WAITS);
    await db.superQuery(`select pg_terminate_backend(pid) from (${WAITS.replace('select', 'select pid')}) w`);
    const result = await run;
    await release();
    expect(result.code).toBe(7);
    expect(result.json().error.message).toContain(nameOf('003'));
    expect(await applied(project)).toEqual(['001', '002']);
    expect(states(result)).toMatchObject({ [nameOf('002')]: 'applied', [nameOf('004')]: 'not-run' });
  });
});

test('an event trigger made by the first is noticed before the second: those behind it are judged like others', async ({
  db,
}) => {
  const project = await six(db);
  await project.succeed('--to', '001');
  await db.superQuery(`
    create function opens() returns event_trigger language plpgsql as $$ begin end $$;
    create event trigger opens on ddl_command_end execute function opens()`);
  try {
    await project.succeed();
    expect(await applied(project)).toEqual(NUMBERS);
  } finally {
    await db.superQuery('drop event trigger opens; drop function opens()');
  }
});

test('what the server remarks on a file is told behind what became of the file in front of it', async ({ db }) => {
  const remarked = (number: string) => `${table(number)}create table if not exists "t%${number}" (id int);\n`;
  const project = await six(db, Object.fromEntries(NUMBERS.map((number) => [number, remarked(number)])));
  const { stderr } = await project.succeed();
  const told = [...stderr.matchAll(/relation "t%(\d+)" already exists|^\[\d\/6\] (\d+)/gm)].map(([, a, b]) => a ?? b);
  expect(told).toEqual(NUMBERS.flatMap((number) => [number, number]));
});
