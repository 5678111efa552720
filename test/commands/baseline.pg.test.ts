/** @module-tag since-13 */

import { expect, test } from '../support/database.ts';
import { linkIn } from '../support/folder.ts';
import { testServer } from '../support/server.ts';
import { ledgerOf, makeProject, objectsOf, statesOf } from './project.ts';

const FILES = {
  'sql/001_a.sql': 'create table a (id int)',
  'sql/002_b.sql': 'create table b (id int)',
  'sql/002_c.sql': 'create table c (id int)',
  'sql/003_d.sql': 'create table d (id int)',
  'sql/999_final.sql': 'select 1',
};

test('--to marks without running; migrate then applies only the rest', async ({ db }) => {
  const project = await makeProject(FILES, db);
  const { code, stdout } = await project.run('baseline', '--to', '2');
  expect(stdout).toMatch(/^3 files marked as applied; none was run$/m);
  expect(code).toBe(0);
  expect(statesOf(await project.report('status'))).toEqual({
    '001_a.sql': 'baseline',
    '002_b.sql': 'baseline',
    '002_c.sql': 'baseline',
    '003_d.sql': 'pending',
    '999_final.sql': 'pending',
  });
  expect((await project.run('migrate')).code).toBe(0);
  const tables = (await objectsOf(db)).filter((name) => name.startsWith('public.'));
  expect(tables).toEqual(['public.d']);
  expect((await project.run('status', '--check')).code).toBe(0);
});

test('a second baseline marks only what is new, and never what ran', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('migrate', '--to', '1');
  expect((await project.report('baseline', '--to', '003')).data.baseline.marked).toEqual([
    '002_b.sql',
    '002_c.sql',
    '003_d.sql',
  ]);
  expect((await project.run('baseline', '--to', '003')).stdout).toContain('0 files marked');
  expect(statesOf(await project.report('status'))).toMatchObject({ '001_a.sql': 'applied', '003_d.sql': 'baseline' });
});

test('a marked file that changes afterwards is a changed one', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await project.run('baseline', '--to', '1');
  await project.write({ 'sql/001_a.sql': 'create table a (id bigint)' });
  expect((await project.run('migrate')).code).toBe(5);
});

test('--dry-run shows what would be marked and makes no ledger', async ({ db }) => {
  const project = await makeProject(FILES, db);
  const before = await objectsOf(db);
  const { stdout } = await project.run('baseline', '--to', '2', '--dry-run');
  expect(stdout).toMatch(/^3 files would be marked as applied; none was run$/m);
  expect(await objectsOf(db)).toEqual(before);
});

test('--from-table takes over a hand-made list: failed rows stay pending, strangers are reported', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await db.query(`
    create table schema_migrations (migration_name text primary key, applied_at timestamptz, success boolean);
    insert into schema_migrations values
      ('001_a', now(), true), ('002_b.sql', now(), null), ('sql/003_d.sql', now(), true),
      ('002_c.sql', now(), false), ('000_before_my_time.sql', now(), true);
  `);
  const report = await project.report('baseline', '--from-table', 'public.schema_migrations');
  expect(report.data.baseline).toEqual({
    marked: ['001_a.sql', '002_b.sql', '003_d.sql'],
    unmatched: ['000_before_my_time.sql'],
    failed: ['002_c.sql'],
  });
  expect(report.findings.map((f: Record<string, string>) => `${f['check']} ${f['object']}`)).toEqual([
    'baseline-unmatched 000_before_my_time.sql',
    'baseline-failed 002_c.sql',
  ]);
  expect(report.exitCode).toBe(0);
  const { data } = await project.report('status');
  expect(statesOf({ data })).toMatchObject({ '002_c.sql': 'out-of-order', '999_final.sql': 'pending' });
  expect((await project.run('migrate', '--allow-out-of-order')).code).toBe(0);
  expect((await objectsOf(db)).filter((name) => name.startsWith('public.'))).toEqual([
    'public.c',
    'public.schema_migrations',
    'public.schema_migrations_pkey',
  ]);
});

test('--from-table needs no column success, and finds a table by its name alone', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await db.query(`
    create schema "Old"; create table "Old"."Done" as select '001_a.sql'::varchar(99) as migration_name;
    create table done as select '002_b.sql' as migration_name, 'yes' as success
  `);
  expect((await project.report('baseline', '--from-table', '"Old"."Done"')).data.baseline.marked).toEqual([
    '001_a.sql',
  ]);
  expect((await project.report('baseline', '--from-table', 'done')).data.baseline.marked).toEqual(['002_b.sql']);
});

test('nonsense is refused before anything is written', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await db.query(`
    create table nameless (id int); create table vague as select '001_a' as migration_name, 'perhaps' as success;
    create table secret as select '001_a' as migration_name; revoke all on secret from public;
  `);
  const before = await objectsOf(db);
  // From PostgreSQL 16 on, what is no name is simply not found.
  const isUnreadable = testServer().versionNumber < 160_000;
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], 'say what to mark: --to NUMBER or --from-table TABLE'],
    [['--to', '1', '--from-table', 'x'], 'say what to mark'],
    [['--to', 'latest'], '--to "latest" is no number'],
    [['--from-table', 'public.nowhere'], 'no table public.nowhere'],
    [['--from-table', 'a b'], isUnreadable ? 'the list a b cannot be read: invalid name syntax' : 'no table a b'],
    [['--from-table', 'a.b.c.d'], 'the list a.b.c.d cannot be read'],
    [['--from-table', 'nameless'], 'nameless has no column migration_name'],
    [['--from-table', 'vague'], 'the list vague cannot be read: invalid input syntax for type boolean: "perhaps"'],
    [
      ['--from-table', "x'; drop table nameless; --"],
      isUnreadable ? 'cannot be read' : "no table x'; drop table nameless; --",
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await project.run('baseline', ...args);
    expect(stderr).toContain(message);
    expect(code, stderr).toBe(2);
  }
  expect(await objectsOf(db)).toEqual(before);
});

test('a file that cannot be read cannot be marked', async ({ db }) => {
  const project = await makeProject(FILES, db);
  await linkIn(project.dir, 'sql/002_x.sql', 'nowhere');
  const { code, stderr } = await project.run('baseline', '--to', '3');
  expect(stderr).toContain('002_x.sql: cannot be read: no such file');
  expect(code).toBe(4);
  expect((await project.run('baseline', '--to', '1')).code).toBe(0);
  expect(await ledgerOf(db)).toEqual([{ file: '001_a.sql', state: 'baseline' }]);
});

test('a role that may not make the ledger is told what it needs', async ({ db }) => {
  const project = await makeProject(FILES, db);
  const { code, stderr } = await project.run('baseline', '--to', '3', '--database-url', db.readerUrl);
  expect(stderr).toContain('cannot create the ledger aisha_db.migrations: permission denied');
  expect(code).toBe(3);
});
