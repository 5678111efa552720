/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { advisoryLocks, ledgerOf, makeProject, statesOf } from './project.ts';

const FILES = {
  'sql/001_users.sql':
    "create table users (id int, name text); insert into users select n, 'user ' || n from generate_series(1, 5) n",
  'sql/fixes/FIX_deactivate_test_admins.sql':
    "update users set name = 'off' where id > 2;\ndelete from users where id = 1;\nselect * from users;",
};

const namesOf = (rows: Record<string, unknown>[]) => rows.map((row) => row['name']);

test('row counts are shown before anything is committed, and without an answer nothing is', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  const { code, stderr, stdout } = await project.run('fix', 'deactivate_test_admins');
  const counts = ['UPDATE 3', 'DELETE 1', 'SELECT 4'].map((tag) => `FIX_deactivate_test_admins.sql: ${tag}\n`).join('');
  expect(stderr).toContain(`${counts}error: the change of`);
  expect(stderr).toContain('was not confirmed');
  expect(stdout).toBe('');
  expect(code).toBe(3);
  expect(await db.query("select from users where name = 'off' or id is null")).toHaveLength(0);
  expect(await ledgerOf(db)).toEqual([{ file: '001_users.sql', state: 'applied' }]);
  expect(await advisoryLocks(db)).toBe(0);
});

test('once confirmed it is committed and recorded, and stands in nobody’s way', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  const { code, stdout } = await project.run('fix', 'FIX_deactivate_test_admins.sql', '--yes');
  expect(stdout).toMatchInlineSnapshot(`
    "FIX_deactivate_test_admins.sql is committed

    statement  did
    ---------  --------
    1          UPDATE 3
    2          DELETE 1
    3          SELECT 4
    "
  `);
  expect(code).toBe(0);
  expect(namesOf(await db.query('select name from users order by id'))).toEqual(['user 2', 'off', 'off', 'off']);
  const [row] = await db.superQuery(
    "select file, phase, applied_by, execution_time_ms >= 0 as timed from aisha_db.migrations where phase = 'manual'",
  );
  expect(row).toEqual({
    file: 'fixes/FIX_deactivate_test_admins.sql',
    phase: 'manual',
    applied_by: 'app_owner',
    timed: true,
  });
  const status = await project.report('status', '--check');
  expect(statesOf(status)).toEqual({
    '001_users.sql': 'applied',
    'fixes/FIX_deactivate_test_admins.sql': 'applied',
  });
  expect(status.exitCode).toBe(0);
  await project.write({ 'sql/002_more.sql': 'select 1' });
  expect((await project.run('migrate')).code).toBe(0);
});

test('fixes may lie outside of the folder of migrations', async ({ db }) => {
  const project = await makeProject(
    { 'sql/001_a.sql': 'create table a (id int)', 'repairs/FIX_a.sql': 'insert into a values (1)' },
    db,
  );
  await project.run('migrate');
  expect((await project.run('fix', 'a', '--fixes-dir', 'repairs', '--yes')).code).toBe(0);
  const status = await project.report('status', '--check');
  expect(statesOf(status)).toEqual({ '001_a.sql': 'applied', 'FIX_a.sql': 'applied' });
  expect(status.exitCode).toBe(0);
  expect((await project.run('migrate')).stdout).toContain('nothing to apply');
});

test('--dry-run runs it, shows the counts and undoes it; no ledger is made for that', async ({ db }) => {
  const project = await makeProject({ 'sql/fixes/FIX_a.sql': 'insert into a values (2), (3)' }, db);
  await db.query('create table a (id int)');
  const report = await project.report('fix', 'a', '--dry-run');
  expect(report.data.fix).toEqual({ file: 'FIX_a.sql', committed: false, statements: ['INSERT 0 2'] });
  expect(report.exitCode).toBe(0);
  expect(await db.query('select from a')).toEqual([]);
  expect(await db.superQuery("select from pg_namespace where nspname = 'aisha_db'")).toEqual([]);
});

test('a run that is interrupted leaves nothing of the fix', async ({ db }) => {
  const project = await makeProject(
    { ...FILES, 'sql/fixes/FIX_slow.sql': 'delete from users; select pg_sleep(60)' },
    db,
  );
  await project.run('migrate');
  const run = project.start('fix', 'slow', '--yes');
  const sleeping = "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
  await expect.poll(async () => (await db.superQuery(sleeping)).length, { timeout: 20_000 }).toBe(1);
  run.kill('SIGINT');
  expect((await run.done).code).toBe(130);
  expect(await db.query('select from users')).toHaveLength(5);
  expect(await advisoryLocks(db)).toBe(0);
});

describe('it is refused', () => {
  test('when no fix has that name, with the one that was meant', async ({ db }) => {
    const project = await makeProject(FILES, db);
    const { code, stderr } = await project.run('fix', 'deactivate_test_admin');
    expect(stderr).toContain('error: no fix is called deactivate_test_admin');
    expect(stderr).toContain('hint: Did you mean deactivate_test_admins? There are: deactivate_test_admins.');
    expect(code).toBe(2);
    await project.remove('sql/fixes');
    expect((await project.run('fix', 'x')).stderr).toContain('hint: Put FIX_*.sql files into ');
  });

  test('when it cannot be one transaction, whose counts could be shown', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/fixes/FIX_vacuum.sql': 'vacuum users',
        'sql/fixes/FIX_empty.sql': '-- nothing',
        'sql/fixes/FIX_test.sql': 'begin; select 1; rollback;',
        'sql/fixes/FIX_open.sql': "select 'a",
      },
      db,
    );
    const cases = {
      vacuum: 'FIX_vacuum.sql: VACUUM',
      empty: 'FIX_empty.sql: holds no statement',
      test: 'FIX_test.sql: ends in ROLLBACK',
      open: 'FIX_open.sql:1:8: unterminated string',
    };
    for (const [name, message] of Object.entries(cases)) {
      const { code, stderr } = await project.run('fix', name, '--yes');
      expect(stderr).toContain(message);
      expect(code).toBe(4);
    }
  });

  test('when a statement fails: nothing of it remains, its place is shown', async ({ db }) => {
    const project = await makeProject(
      { ...FILES, 'sql/fixes/FIX_bad.sql': 'delete from users;\nselect nme from users;' },
      db,
    );
    await project.run('migrate');
    const { code, stderr } = await project.run('fix', 'bad', '--yes');
    expect(stderr).toContain('FIX_bad.sql: column "nme" does not exist at FIX_bad.sql:2:8');
    expect(code).toBe(7);
    expect(await db.query('select from users')).toHaveLength(5);
  });

  test('when a deferred constraint fails at the end', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a (id int unique deferrable initially deferred)',
        'sql/fixes/FIX_twice.sql': 'insert into a values (1), (1)',
      },
      db,
    );
    await project.run('migrate');
    const { code, stderr } = await project.run('fix', 'twice', '--yes');
    expect(stderr).toContain('duplicate key value violates unique constraint');
    expect(code).toBe(7);
    expect(await db.query('select from a')).toEqual([]);
    expect(await ledgerOf(db)).toHaveLength(1);
  });
});

test('its own BEGIN and COMMIT are taken over: they commit nothing before the answer', async ({ db }) => {
  const project = await makeProject({ ...FILES, 'sql/fixes/FIX_own.sql': 'BEGIN;\ndelete from users;\nCOMMIT;\n' }, db);
  await project.run('migrate');
  const refused = await project.run('fix', 'own');
  expect(refused.stderr).toContain('FIX_own.sql: DELETE 5\n');
  expect(refused.code).toBe(3);
  expect(await db.query('select from users')).toHaveLength(5);
  expect((await project.run('fix', 'own', '--yes')).code).toBe(0);
  expect(await db.query('select from users')).toEqual([]);
});

test('the settings of the configuration and the limits of its header hold', async ({ db }) => {
  const project = await makeProject(
    {
      'sql/001_a.sql': 'create table a (who text, lock text)',
      'sql/fixes/FIX_a.sql':
        "-- Lock-Timeout: 9s\ninsert into a values (current_setting('aisha.who'), current_setting('lock_timeout'))",
      'aisha-db.config.json': '{ "settings": { "aisha.who": "me" } }',
    },
    db,
  );
  await project.run('migrate');
  expect((await project.run('fix', 'a', '--yes')).code).toBe(0);
  expect(await db.query('select * from a')).toEqual([{ who: 'me', lock: '9s' }]);
});
