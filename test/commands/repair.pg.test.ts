/** @module-tag since-13 */
import { expect, test } from '../support/database.ts';
import { ledgerOf, makeProject, objectsOf, statesOf } from './project.ts';

const FILES = {
  'sql/001_a.sql': 'create table a (id int);\n',
  'sql/002_b.sql': 'insert into a values (1); -- first\n',
  'sql/003_c.sql': 'create table c (id int);\n',
};

test('a cosmetic change is signed again without being named; nothing is run', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  await project.write({ 'sql/002_b.sql': '-- the first row\nINSERT INTO a\n  VALUES (1);\n' });
  expect((await project.run('status')).code).toBe(5);
  const { code, stdout } = await project.run('repair');
  expect(stdout).toMatchInlineSnapshot(`
    "1 repaired, 0 left as they are

              file       change    what
    --------  ---------  --------  ------------------------------------------------
    repaired  002_b.sql  cosmetic  only comments, white space or letter case differ
    "
  `);
  expect(code).toBe(0);
  expect((await project.run('status', '--check')).code).toBe(0);
  expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
});

test('a semantic change is left until its file is named', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  await project.write({
    'sql/001_a.sql': '-- cosmetic\ncreate table a (id int);\n',
    'sql/002_b.sql': 'insert into a values (2); -- first\n',
  });
  const unnamed = await project.report('repair');
  expect(unnamed.data.repairs).toEqual([
    expect.objectContaining({ file: '001_a.sql', difference: 'cosmetic', accepted: true }),
    expect.objectContaining({ file: '002_b.sql', difference: 'semantic', accepted: false }),
  ]);
  expect(unnamed.findings).toEqual([
    expect.objectContaining({ object: '002_b.sql', remediation: 'aisha-db repair 002_b.sql' }),
  ]);
  expect(unnamed.exitCode).toBe(1);
  expect(statesOf(await project.report('status'))).toMatchObject({ '001_a.sql': 'applied', '002_b.sql': 'changed' });
  expect((await project.run('repair', '002_b.sql')).code).toBe(0);
  expect((await project.run('status', '--check')).code).toBe(0);
  expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
});

test('a line feed taken from behind a comment is semantic, and so is white space inside a text', async ({ db }) => {
  const project = await makeProject(
    { 'sql/001_a.sql': "-- drop it all\nselect 'a  b';\n", 'sql/002_b.sql': '-- note\nselect 1;\n' },
    db,
  );
  await project.run('migrate');
  await project.write({ 'sql/001_a.sql': "-- drop it all\nselect 'a b';\n", 'sql/002_b.sql': '-- noteselect 1;\n' });
  const { data } = await project.report('repair', '--dry-run');
  expect(data.repairs.map((r: { difference: string }) => r.difference)).toEqual(['semantic', 'semantic']);
});

test('a change of an included file is semantic, however little its name says', async ({ db }) => {
  const project = await makeProject(
    {
      'sql/001_a.sql': 'create table a (id int);\n\\ir parts/rows.sql\n',
      'sql/parts/rows.sql': 'insert into a values (1);',
    },
    db,
  );
  await project.run('migrate');
  await project.write({ 'sql/parts/rows.sql': 'insert into a values (2);' });
  const { data, exitCode } = await project.report('repair');
  expect(data.repairs).toEqual([
    expect.objectContaining({ file: '001_a.sql', difference: 'semantic', accepted: false }),
  ]);
  expect(exitCode).toBe(1);
  expect((await project.run('repair', '001_a.sql')).code).toBe(0);
  expect((await project.run('status', '--check')).code).toBe(0);
});

test('a missing file is forgotten only by name; then it is no longer accounted for', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  await project.remove('sql/003_c.sql');
  const unnamed = await project.run('repair');
  expect(unnamed.stdout).toContain('in the ledger, not in the folder; repairing forgets that it was applied');
  expect(unnamed.code).toBe(1);
  expect(await ledgerOf(db)).toHaveLength(3);
  expect((await project.run('repair', '003_c.sql')).code).toBe(0);
  expect(await ledgerOf(db)).toHaveLength(2);
  expect((await project.run('status', '--check')).code).toBe(0);
});

test('a renamed file takes its row along, number included', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  await project.remove('sql/003_c.sql');
  await project.write({ 'sql/004_better_name.sql': FILES['sql/003_c.sql'] });
  const { data, exitCode } = await project.report('repair');
  expect(data.repairs).toEqual([
    { file: '003_c.sql', difference: 'renamed', what: 'same content as 004_better_name.sql', accepted: true },
  ]);
  expect(exitCode).toBe(0);
  expect(
    await db.superQuery('select number from aisha_db.migrations where file = $1', ['004_better_name.sql']),
  ).toEqual([{ number: '004' }]);
  expect((await project.run('migrate')).stdout).toContain('nothing to apply: 3 applied');
});

test('--dry-run says what it would do and writes nothing', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  await project.write({ 'sql/001_a.sql': '-- c\ncreate table a (id int);\n', 'sql/002_b.sql': 'select 2;\n' });
  const before = await db.superQuery('table aisha_db.migrations');
  const { stdout, code } = await project.run('repair', '002_b.sql', '--dry-run');
  expect(stdout).toMatch(/^2 would be repaired, 0 left as they are$/m);
  expect(stdout).toMatch(/^would repair {2}001_a\.sql {2}cosmetic /m);
  expect(code).toBe(0);
  expect(await db.superQuery('table aisha_db.migrations')).toEqual(before);
});

test('without a difference there is nothing to repair, and a name that has none is refused', async ({ db }) => {
  const project = await makeProject(FILES, db);
  const before = await objectsOf(db);
  expect((await project.run('repair')).stdout).toBe('nothing to repair\n');
  expect(await objectsOf(db)).toEqual(before);
  await project.run('migrate');
  const { code, stderr } = await project.run('repair', '001_a.sql', 'nonsense.sql');
  expect(stderr).toContain('nothing to repair in 001_a.sql, nonsense.sql');
  expect(code).toBe(2);
});

test('an interrupted statement that commits in its body is decided by a person', async ({ db }) => {
  const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
  for (const args of [
    ['repair', '--statement', 'done'],
    ['repair', '001_a.sql', '--statement', 'perhaps'],
  ]) {
    const { code, stderr } = await project.run(...args);
    expect(stderr).toContain('cannot be used like this');
    expect(code).toBe(2);
  }
});

test.for(['done', 'again'] as const)(
  '--statement %s decides a self-committing statement that was killed',
  async (verdict, { db }) => {
    const body = 'begin insert into a values (1); commit; perform pg_sleep(%s); end';
    const project = await makeProject(
      { 'sql/001_a.sql': 'create table a (id int)', 'sql/002_b.sql': `do $$ ${body.replace('%s', '60')} $$;` },
      db,
    );
    const run = project.start('migrate');
    const rows = async () => (await db.query("select to_regclass('a') is not null as there"))[0]?.['there'];
    await expect.poll(rows, { timeout: 20_000 }).toBe(true);
    await expect.poll(async () => (await db.query('select from a')).length, { timeout: 20_000 }).toBe(1);
    run.kill('SIGKILL');
    await run.done;
    await db.superQuery(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'aisha-db%' and datname = current_database()",
    );
    await project.write({ 'sql/002_b.sql': `do $$ ${body.replace('%s', '60')} $$;` });
    const undecided = await project.run('migrate');
    expect(undecided.stderr).toContain('aisha-db repair 002_b.sql --statement done, or --statement again');
    expect(undecided.code).toBe(8);
    expect((await project.run('repair')).code).toBe(1);
    expect((await project.run('repair', '002_b.sql', '--statement', verdict)).code).toBe(0);
    await project.write({ 'sql/002_b.sql': `do $$ ${body.replace('%s', '0')} $$;` });
    expect((await project.run('migrate')).code).toBe(0);
    expect(await db.query('select id from a')).toHaveLength(verdict === 'done' ? 1 : 2);
    expect(statesOf(await project.report('status'))).toMatchObject({ '002_b.sql': 'applied' });
  },
);
