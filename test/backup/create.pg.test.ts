import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/postgres/quote.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { heldTools, realBinDir } from './fake-tools.ts';
import { backupProject, ODD_SCHEMA, ODD_TABLE, urlAs } from './fixture.ts';
import { manifestOf, sessionsOf, storeOf } from './store-content.ts';

describe('a full backup', () => {
  test('is proved by a restore while others write, and says what it holds and what not', async ({ db }) => {
    const project = await backupProject(db);
    const writing = writeUntil(db, project.run('backup', 'create', '--restore', '--format', 'json'));
    const { result: run, rows } = await writing;
    expect(run.code, run.stderr).toBe(0);
    expect(rows).toBeGreaterThan(0);
    const { backups, verifications, leftOut } = run.json().data;
    expect(backups).toMatchObject([{ class: 'on-demand', state: 'verified', kind: 'full', database: db.name }]);
    expect(verifications).toMatchObject([{ verified: true, tables: 5, differences: [], notRestored: [] }]);

    const manifest = manifestOf(project);
    const rowsOf = Object.fromEntries(manifest.tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]));
    expect(rowsOf).toMatchObject({
      'public.tenant': 20,
      'public.invoice': 500,
      'public.nothing': 0,
      [`${ODD_SCHEMA}.${ODD_TABLE}`]: 50,
    });
    // Written to while it was dumped: what counts is the snapshot.
    expect(rowsOf['public.event_2026']).toBeGreaterThanOrEqual(100);
    expect(manifest.largeObjects).toMatchObject({ count: 2 });
    expect(manifest.sequences).toContainEqual({
      schema: 'public',
      name: 'ticket',
      lastValue: '1000',
      increment: '-1',
    });
    expect(manifest.roles.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['anon', 'app_owner', 'authenticated']),
    );
    expect(new Set(manifest.tables.map(({ method }) => method))).toEqual(new Set(['columns']));
    expect(leftOut.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining(['passwords and settings of roles', 'rows of public.slugs']),
    );
  });

  test('can be read by nobody else on the machine', async ({ db }) => {
    const project = await backupProject(db, 'create table public.a (id int)');
    expect((await project.run('backup')).code).toBe(0);
    expect(statSync(join(project.dir, '.aisha-db/backups')).mode & 0o777).toBe(0o700);
  });

  test('knows the last migration of the ledger', async ({ db }) => {
    const project = await backupProject(db, 'select 1');
    await project.write({ 'sql/001_a.sql': 'create table a (id int)', 'sql/002_b.sql': 'create table b (id int)' });
    await project.run('migrate', '--no-backup', '--database-url', db.url);
    await project.run('backup');
    expect(manifestOf(project).ledger).toMatchObject({ file: '002_b.sql', applied: 2 });
  });
});

describe('a backup of tables', () => {
  test('holds the whole schema and their rows only, and is proved by itself', async ({ db }) => {
    const project = await backupProject(db);
    const tables = ['--table', 'invoice', '--table', `${ODD_SCHEMA}.${ODD_TABLE}`];
    const run = await project.run('backup', ...tables, '--dump-format', 'directory', '--jobs', '2', '--restore');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('2 tables, 550 rows');
    const manifest = manifestOf(project);
    expect(manifest).toMatchObject({ kind: 'tables', format: 'directory', jobs: 2, largeObjects: null });
    expect(manifest.danglingForeignKeys).toMatchObject([{ table: 'invoice', name: 'invoice_tenant_id_fkey' }]);
    expect(manifest.leftOut).toContainEqual({
      what: 'rows of public.event_2026, public.nothing, public.tenant',
      why: 'other tables were asked for',
    });
    expect((await project.report('backup', 'list')).data.backups).toMatchObject([{ state: 'verified' }]);
  });

  test('names every table that is not there or not clear, and takes nothing', async ({ db }) => {
    const project = await backupProject(
      db,
      'create schema a; create schema b; create table a.same (id int); create table b.same (id int)',
    );
    const { code, stderr } = await project.run('backup', '--table', 'same', '--table', 'A.SAME', '--table', 'none');
    expect(code).toBe(10);
    expect(stderr).toContain('same could be a.same or b.same');
    expect(stderr).toContain('there is no table A.SAME in what is backed up');
    expect(stderr).toContain('there is no table none in what is backed up');
    expect(storeOf(project)).toEqual([]);
  });
});

test('a backup of the schema holds no row', async ({ db }) => {
  const project = await backupProject(db);
  const { code, stderr } = await project.run('backup', '--schema-only', '--exclude-schema', ODD_SCHEMA);
  expect(code, stderr).toBe(0);
  const manifest = manifestOf(project);
  expect(manifest).toMatchObject({ kind: 'schema', format: 'custom', tables: [], excludedSchemas: [ODD_SCHEMA] });
  const dump = join(project.dir, '.aisha-db/backups', manifest.id, 'dump.custom');
  const { stdout } = spawnSync(join(realBinDir()!, 'pg_restore'), ['--list', dump], { encoding: 'utf8' });
  expect(stdout).toContain('POLICY public invoice');
  expect(stdout).not.toContain('TABLE DATA');
  expect(stdout).not.toContain('Table*');
});

describe('before the dump', () => {
  test('everything that stands against it is said at once, and nothing is written', async ({ db }) => {
    const project = await backupProject(db);
    await db.superQuery(`
      create schema "Hidden %"; create table "Hidden %"."No Way" (id int);
      create table public.kept_back (id serial); alter table public.kept_back owner to current_user;
      revoke all on public.kept_back from public
    `);
    // The owner himself: row-level security is forced.
    const { code, stderr, stdout } = await project.run('backup', '--database-url', db.url);
    expect(code).toBe(10);
    expect(stderr).toContain('error: no backup was taken: 4 things stand against it');
    expect(stderr).toContain('no permission to read the table Hidden %.No Way');
    expect(stderr).toContain('no permission to read the table public.kept_back');
    expect(stderr).toContain('no permission to read the sequence public.kept_back_id_seq');
    expect(stderr).toContain(
      'row-level security hides rows of public.invoice from app_owner, its owner, because it is forced',
    );
    expect(stderr).toContain('bypassrls');
    expect(stdout).toBe('');
    expect(storeOf(project)).toEqual([]);
    expect(await sessionsOf(db)).toBe(0);
  });

  test('what would be done is shown, with the command and without writing', async ({ db }) => {
    const project = await backupProject(db);
    const { code, stdout } = await project.run('backup', '--plan', '--dump-format', 'directory', '--jobs', '3');
    expect(code).toBe(0);
    expect(stdout).toContain('would back up 5 tables');
    expect(stdout).toContain('pg_dump --verbose --format=directory');
    expect(stdout).toContain('Not in this backup');
    expect(stdout).toMatch(/^time +about \d+ ms, by the size of the tables alone$/m);
    expect(stdout).toMatch(/^proof +none; --restore proves it$/m);
    expect(stdout).toMatch(/^disk +about \S+ k?B of \S+ [GT]B that are free$/m);
    expect(existsSync(join(project.dir, '.aisha-db/backups'))).toBe(false);
  });

  test('a plan names a lock at once, and another pg_dump', async ({ db }) => {
    const project = await backupProject(db, 'create table public.a (id int)');
    const other = await db.connect();
    await other.query(`set application_name = 'pg_dump'`);
    const [{ pid }] = (await other.query('select pg_backend_pid() as pid')).rows;
    const { code, stderr } = await project.run('backup', '--plan');
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: another pg_dump runs in this database: pid ${pid}, role app_owner`);
    await other.query('begin; lock table public.a');
    const locked = await project.run('backup', '--plan', '--format', 'json');
    expect(locked.code).toBe(6);
    expect(locked.json().error.details).toEqual([expect.stringContaining('holds public.a')]);
  });

  test('a lock that no dump can share is waited for, then named', async ({ db }) => {
    const project = await backupProject(db);
    await project.run('backup');
    await project.write({ 'aisha-db.config.json': '{ "backup": { "lockWait": "300ms" } }' });
    const other = await db.connect();
    await other.query('begin; lock table public.tenant');
    const [{ pid }] = (await other.query('select pg_backend_pid() as pid')).rows;
    const { code, stderr } = await project.run('backup');
    expect(code).toBe(6);
    expect(stderr).toContain('error: tables are locked so that they cannot be backed up');
    expect(stderr).toContain(`pid ${pid}, role app_owner`);
    expect(stderr).toContain('holds public.tenant');
    await other.query('rollback');
    expect(storeOf(project)).toHaveLength(1);
    expect((await project.run('backup')).code).toBe(0);
  });

  test('without a pg_dump the way to get one is named', async ({ db }) => {
    const project = await backupProject(db, 'create table a (id int)');
    await project.write({ 'empty/': '', 'aisha-db.config.json': '{ "backup": { "binDir": "empty" } }' });
    const { code, stderr } = await project.run('backup');
    expect(code).toBe(11);
    expect(stderr).toContain('holds no pg_dump and pg_restore of one version');
    expect(storeOf(project)).toEqual([]);
  });

  test('a transaction pooler is refused without connecting', async ({ db }) => {
    const project = await backupProject(db, 'select 1');
    const { code, stderr } = await project.run('backup', '--database-url', 'postgres://u:p@127.0.0.1:6543/d');
    expect(code).toBe(3);
    expect(stderr).toContain('port 6543 of 127.0.0.1 is a transaction pooler');
  });
});

describe('a proof by restore', () => {
  test('is planned for the classes that are proved at once, or as an option says', async ({ db }) => {
    const project = await backupProject(db, 'create table a (id int)');
    const isProved = async (...args: string[]) =>
      (await project.report('backup', 'create', '--plan', '--class', ...args)).data.plan.isProved as boolean;
    for (const name of ['on-demand', 'daily', 'quarterly']) expect([name, await isProved(name)]).toEqual([name, false]);
    for (const name of ['pre-migration', 'weekly']) expect([name, await isProved(name)]).toEqual([name, true]);
    expect(await isProved('weekly', '--no-restore')).toBe(false);
    expect(await isProved('daily', '--restore')).toBe(true);
    await project.write({ 'aisha-db.config.json': '{ "backup": { "proveAtOnce": ["daily"] } }' });
    expect(await isProved('daily')).toBe(true);
    expect(await isProved('weekly')).toBe(false);
  });

  test('comes by itself with the classes that are proved at once', async ({ db }) => {
    const project = await backupProject(db, 'create table a (id int)');
    const states = async (...args: string[]) =>
      (await project.report('backup', 'create', ...args)).data.backups[0].state as string;
    expect(await states('--class', 'weekly')).toBe('verified');
    expect(await states('--class', 'daily')).toBe('unverified');
  });
});

test('the password is in a file that only we can read, in no argument and no environment, and gone afterwards', async ({
  db,
}) => {
  const tools = await heldTools();
  const project = await backupProject(db, 'create table a (id int)');
  const [role, password] = [`odd "${db.name}`, `Dump:er\\'s pass`];
  const quoted = quoteIdentifier(role);
  await db.superQuery(`create role ${quoted} login in role app_owner password ${quoteLiteral(password)}`);
  await project.write({ 'aisha-db.config.json': JSON.stringify({ backup: { binDir: tools.binDir } }) });
  await tools.release();
  const { code, stderr, stdout } = await project.run('backup', '--database-url', urlAs(db, role, password));
  expect(code, stderr).toBe(0);
  const { args, env, passfile } = await tools.heard();
  expect(passfile).toBe(`600\n*:*:*:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n`);
  for (const text of [args, env, stderr, stdout, JSON.stringify(manifestOf(project))]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain(encodeURIComponent(password));
  }
  const file = /^PGPASSFILE=(.*)$/m.exec(env)![1]!;
  expect(() => readFileSync(file)).toThrow(/ENOENT/);
  expect(env).toMatch(/^PGAPPNAME=aisha-db backup \S+$/m);
  await db.superQuery(`drop role ${quoted}`);
});

/** Writes to a table until the run has ended. */
async function writeUntil<T>(db: TestDatabase, run: Promise<T>): Promise<{ result: T; rows: number }> {
  const writer = await db.connect();
  let done = false;
  const result = run.finally(() => {
    done = true;
  });
  let rows = 0;
  for (; !done; rows += 1) await writer.query(`insert into public.event values ($1, '2026-06-01')`, [rows]);
  return { result: await result, rows };
}
