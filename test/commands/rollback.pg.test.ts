/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { linkIn } from '../support/folder.ts';
import { advisoryLocks, ledgerOf, makeProject, objectsOf, statesOf } from './project.ts';

const FILES = {
  'sql/001_a.sql': 'create table a (id int)',
  'sql/002_b.sql': 'create table b (id int)',
  'sql/003_c.sql': 'create table c (id int)',
  'rollbacks/ROLLBACK_001_a.sql': 'drop table a',
  'rollbacks/ROLLBACK_002_b.sql': 'drop table b',
  'rollbacks/ROLLBACK_003_c.sql': 'drop table c',
};

test('a number is undone with its file; status shows it as pending, migrate applies it again', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate');
  const { code, stdout, stderr } = await project.run('rollback', '3', '--yes');
  expect(stderr).toContain('will undo 003_c.sql with ROLLBACK_003_c.sql\n');
  expect(stdout).toMatchInlineSnapshot(`
    "rolled back 1 of 1

                 migration  undone by
    -----------  ---------  ------------------
    rolled back  003_c.sql  ROLLBACK_003_c.sql
    "
  `);
  expect(code).toBe(0);
  expect(await objectsOf(db)).not.toContain('public.c');
  const status = await project.report('status', '--check');
  expect(statesOf(status)).toMatchObject({ '002_b.sql': 'applied', '003_c.sql': 'pending' });
  expect(status.exitCode).toBe(1);
  expect((await project.run('migrate')).code).toBe(0);
  expect(await objectsOf(db)).toContain('public.c');
  expect(await ledgerOf(db)).toEqual(
    ['001_a.sql', '002_b.sql', '003_c.sql'].map((file) => ({ file, state: 'applied' })),
  );
  expect(await advisoryLocks(db)).toBe(0);
});

test('several go in reverse order of their application, whatever order they are named in', async ({ db }) => {
  const project = await makeProject(
    {
      ...FILES,
      'sql/002_b.sql': 'create table b (id int references a)',
      'sql/001_a.sql': 'create table a (id int primary key)',
    },
    db,
  );
  await project.run('migrate');
  const report = await project.report('rollback', '001', '003_c', '002_b.sql', '3', '--yes');
  expect(report.data.rollbacks).toEqual([
    { file: '003_c.sql', undoneBy: ['ROLLBACK_003_c.sql'], undone: true },
    { file: '002_b.sql', undoneBy: ['ROLLBACK_002_b.sql'], undone: true },
    { file: '001_a.sql', undoneBy: ['ROLLBACK_001_a.sql'], undone: true },
  ]);
  expect((await objectsOf(db)).filter((name) => name.startsWith('public.'))).toEqual([]);
  expect((await project.run('migrate')).code).toBe(0);
});

describe('nothing is undone', () => {
  test('without an answer: nobody can be asked here', async ({ db }) => {
    const project = await makeProject(FILES, db);
    await project.run('migrate');
    const { code, stderr } = await project.run('rollback', '3');
    expect(stderr).toContain('was not confirmed');
    expect(stderr).toContain('hint: If it is meant, add --yes.');
    expect(code).toBe(3);
    expect(await objectsOf(db)).toContain('public.c');
    expect((await project.run('rollback', '3', '--confirm', db.name)).code).toBe(0);
  });

  test('by --dry-run, which needs no answer', async ({ db }) => {
    const project = await makeProject(FILES, db);
    await project.run('migrate');
    const before = await db.superQuery('table aisha_db.migrations');
    const { code, stdout } = await project.run('rollback', '1', '3', '--dry-run');
    expect(stdout).toMatch(/^would run {2}003_c\.sql {2}ROLLBACK_003_c\.sql\nwould run {2}001_a\.sql/m);
    expect(code).toBe(0);
    expect(await db.superQuery('table aisha_db.migrations')).toEqual(before);
  });

  test('while a migration that stays depends on it, unless told to ignore that', async ({ db }) => {
    const project = await makeProject(
      { ...FILES, 'sql/003_c.sql': '-- Dependencies: 001, 002_b.sql\ncreate table c (id int)' },
      db,
    );
    await project.run('migrate');
    const refused = await project.run('rollback', '1', '2', '--yes');
    expect(refused.stderr).toContain('003_c.sql depends on 001_a.sql');
    expect(refused.stderr).toContain('003_c.sql depends on 002_b.sql');
    expect(refused.code).toBe(4);
    expect((await project.run('rollback', '2', '--yes', '--ignore-dependents')).code).toBe(0);
    expect((await project.run('rollback', '1', '3', '--yes')).code).toBe(0);
  });

  test('for a number that two files carry; the file has to be named', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/012_add.sql': 'create table one (id int)',
        'sql/012_add_more.sql': 'create table two (id int)',
        'sql/ROLLBACK_012_add.sql': 'drop table one',
        'sql/ROLLBACK_012_add_more.sql': 'drop table two',
      },
      db,
    );
    await project.run('migrate');
    const { code, stderr } = await project.run('rollback', '12', '--yes');
    expect(stderr).toContain('number 12 is carried by 012_add.sql and 012_add_more.sql');
    expect(stderr).toContain('hint: Name the file: aisha-db rollback FILE.');
    expect(code).toBe(4);
    // The longer name begins like the shorter one: only its own file may run.
    const report = await project.report('rollback', '012_add.sql', '--yes');
    expect(report.data.rollbacks).toEqual([{ file: '012_add.sql', undoneBy: ['ROLLBACK_012_add.sql'], undone: true }]);
    expect((await objectsOf(db)).filter((name) => name.startsWith('public.'))).toEqual(['public.two']);
  });

  test('when its file cannot be read; one of another migration is in nobody’s way', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a ()',
        'sql/002_b.sql': 'create table b ()',
        'sql/ROLLBACK_002_b.sql': 'drop table b',
      },
      db,
    );
    await project.run('migrate');
    await linkIn(project.dir, 'sql/ROLLBACK_001_a.sql', 'nowhere.sql');
    const { code, stderr } = await project.run('rollback', '1', '--yes');
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('error: ROLLBACK_001_a.sql cannot be read: no such file'),
    ]);
    expect((await project.run('rollback', '2', '--yes')).code).toBe(0);
  });

  test('where there is no file that would undo it', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    await project.run('migrate');
    const { code, stderr } = await project.run('rollback', '001', '--yes');
    expect(stderr).toContain('error: no rollback for 001_a.sql');
    expect(stderr).toContain('hint: Write ROLLBACK_001_a.sql, or restore a backup.');
    expect(code).toBe(4);
  });

  test('where it is not applied, or was undone before', async ({ db }) => {
    const project = await makeProject(FILES, db);
    expect((await project.run('rollback', '3', '--yes')).stderr).toContain('3 is not applied');
    await project.run('migrate');
    await project.run('rollback', '3', '--yes');
    for (const text of ['3', '003_c.sql', 'nonsense', '004']) {
      const { code, stderr } = await project.run('rollback', text, '--yes');
      expect(stderr).toContain(`${text} is not applied`);
      expect(code).toBe(4);
    }
  });

  test('when the rollback cannot run: place, line and hint as for a migration', async ({ db }) => {
    const project = await makeProject({ ...FILES, 'rollbacks/ROLLBACK_003_c.sql': "drop table c;\nselect 'open" }, db);
    await project.run('migrate');
    const { code, stderr } = await project.run('rollback', '3', '--yes');
    expect(stderr).toContain('ROLLBACK_003_c.sql:2:8: unterminated string');
    expect(code).toBe(4);
    expect(await objectsOf(db)).toContain('public.c');
  });

  test('when the rollback fails: its statements and the ledger go back together; what was undone before stays undone', async ({
    db,
  }) => {
    const project = await makeProject(
      { ...FILES, 'rollbacks/ROLLBACK_002_b.sql': 'drop table b;\ndrop table no_such_table;' },
      db,
    );
    await project.run('migrate');
    const { code, stderr, stdout } = await project.run('rollback', '2', '3', '--yes');
    expect(stderr).toContain('ROLLBACK_002_b.sql: table "no_such_table" does not exist at ROLLBACK_002_b.sql:2:1');
    expect(stdout).toMatch(/^rolled back 1 of 2$/m);
    expect(code).toBe(7);
    expect((await objectsOf(db)).filter((name) => name.startsWith('public.'))).toEqual(['public.a', 'public.b']);
    expect(statesOf(await project.report('status'))).toMatchObject({ '002_b.sql': 'applied', '003_c.sql': 'pending' });
  });
});

describe('which files undo a migration', () => {
  test('several for one are one transaction, the last part first', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_log.sql': 'create table log (nr serial, what text)',
        'sql/002_b.sql': 'create table b (id int)',
        'sql/ROLLBACK_002_b.sql': "insert into log (what) values ('first part'); drop table b;",
        'sql/ROLLBACK_002_b_part2.sql': "insert into log (what) select 'second part ' || count(*) from b",
      },
      db,
    );
    await project.run('migrate');
    const report = await project.report('rollback', '2', '--yes');
    expect(report.data.rollbacks[0].undoneBy).toEqual(['ROLLBACK_002_b_part2.sql', 'ROLLBACK_002_b.sql']);
    expect(await db.query('select what from log order by nr')).toEqual([
      { what: 'second part 0' },
      { what: 'first part' },
    ]);
    await project.run('migrate');
    await project.write({ 'sql/ROLLBACK_002_b.sql': 'drop table b; select 1 / 0' });
    expect((await project.run('rollback', '2', '--yes')).code).toBe(7);
    expect(await db.query('select what from log')).toHaveLength(2);
  });

  test('by its header, by the header of the other, by name and by number', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': '-- Rollback: ROLLBACK_all_of_it.sql\ncreate table a (id int)',
        'sql/002_b.sql': 'create table b (id int)',
        'sql/003_c.sql': 'create table c (id int)',
        'rollbacks/ROLLBACK_all_of_it.sql': 'drop table a',
        'rollbacks/ROLLBACK_old_name.sql': '-- Reverts: 002_b.sql\ndrop table b',
        'rollbacks/ROLLBACK_0003_other_words.sql': 'drop table c',
      },
      db,
    );
    await project.run('migrate');
    const report = await project.report('rollback', '1', '2', '3', '--yes');
    expect(report.data.rollbacks.map((r: { undoneBy: string[] }) => r.undoneBy)).toEqual([
      ['ROLLBACK_0003_other_words.sql'],
      ['ROLLBACK_old_name.sql'],
      ['ROLLBACK_all_of_it.sql'],
    ]);
    expect((await objectsOf(db)).filter((name) => name.startsWith('public.'))).toEqual([]);
  });

  test('what a header says goes before a name that merely looks alike', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a (id int)',
        'sql/002_a.sql': 'create table b (id int)',
        'sql/ROLLBACK_001_a_and_b.sql': '-- Reverts: 002_a.sql\ndrop table b',
      },
      db,
    );
    await project.run('migrate');
    expect((await project.run('rollback', '1', '--yes')).stderr).toContain('no rollback for 001_a.sql');
    expect((await project.run('rollback', '2', '--yes')).code).toBe(0);
  });
});

describe('a rollback that cannot be one transaction', () => {
  const INDEXED = {
    'sql/001_a.sql': 'create table a (id int)',
    'sql/002_index.sql': 'create index concurrently a_id on a (id)',
  };

  test('runs statement by statement and leaves no trace of its own in the ledger', async ({ db }) => {
    const project = await makeProject(
      { ...INDEXED, 'rollbacks/ROLLBACK_002_index.sql': 'drop index concurrently a_id' },
      db,
    );
    await project.run('migrate');
    expect(await objectsOf(db)).toContain('public.a_id');
    const { code, stderr } = await project.run('rollback', '2', '--yes');
    expect(code, stderr).toBe(0);
    expect(await objectsOf(db)).not.toContain('public.a_id');
    expect(await ledgerOf(db)).toEqual([
      { file: '001_a.sql', state: 'applied' },
      { file: '002_index.sql', state: 'rolled-back' },
    ]);
    expect((await project.run('migrate')).code).toBe(0);
    expect(await objectsOf(db)).toContain('public.a_id');
  });

  test('that fails half-way is shown as interrupted and resumed behind what ran', async ({ db }) => {
    const half = 'insert into a values (1);\ndrop index concurrently a_id;\nselect 1 / %s;\n';
    const project = await makeProject({ ...INDEXED, 'rollbacks/ROLLBACK_002_index.sql': half.replace('%s', '0') }, db);
    await project.run('migrate');
    const failed = await project.run('rollback', '2', '--yes');
    expect(failed.stderr).toContain('2 of 3 statements ran and are recorded');
    expect(failed.code).toBe(8);
    const status = await project.report('status');
    expect(statesOf(status)).toMatchObject({ '002_index.sql': 'applied', 'ROLLBACK_002_index.sql': 'interrupted' });
    // An unfinished rollback is no changed history: it does not lock the project.
    expect(status.exitCode).toBe(0);
    await project.write({ 'rollbacks/ROLLBACK_002_index.sql': half.replace('%s', '1') });
    expect((await project.run('rollback', '2', '--yes')).code).toBe(0);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
    expect(await ledgerOf(db)).toEqual([
      { file: '001_a.sql', state: 'applied' },
      { file: '002_index.sql', state: 'rolled-back' },
    ]);
  });
});

test('the final phase runs again after a rollback and the migration that follows', async ({ db }) => {
  const project = await makeProject(
    { ...FILES, 'sql/999_final.sql': 'create table if not exists final (); alter table final add nr int' },
    db,
  );
  await project.run('migrate');
  await project.run('rollback', '3', '--yes');
  await project.write({ 'sql/999_final.sql': 'create table if not exists again ()' });
  await project.run('migrate');
  expect(await objectsOf(db)).toEqual(expect.arrayContaining(['public.again', 'public.c']));
});

/** Ends when the test has emptied the table. */
const WHILE_HELD = 'do $$ begin while exists (select from held) loop perform pg_sleep(0.02); end loop; end $$';

test('another run is waited for, and never both', async ({ db }) => {
  const project = await makeProject({ ...FILES, 'rollbacks/ROLLBACK_003_c.sql': `${WHILE_HELD}; drop table c` }, db);
  await project.run('migrate');
  await db.query('create table held (id int); insert into held values (1)');
  const first = project.start('rollback', '3', '--yes');
  await expect.poll(() => advisoryLocks(db), { timeout: 20_000 }).toBe(2);
  const impatient = await project.run('rollback', '3', '--yes', '--lock-wait', '0');
  expect(impatient.stderr).toMatch(/held by pid \d+, role app_owner, aisha-db lock /);
  expect(impatient.code).toBe(6);
  const patient = project.start('rollback', '3', '--yes');
  await db.query('delete from held');
  expect((await patient.done).code).toBe(4);
  expect((await first.done).code).toBe(0);
});
