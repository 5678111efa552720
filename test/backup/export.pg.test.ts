import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compareRestored } from '../../src/backup/compare-restored.ts';
import { openReader } from '../../src/backup/snapshot-session.ts';
import { readStore } from '../../src/backup/store.ts';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { expect, test } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { realBinDir } from './fake-tools.ts';
import { backupProject, ODD_TABLE, urlAs } from './fixture.ts';
import { restoredDatabases } from './restored.ts';

const databases = restoredDatabases();

/** Runs psql as the superuser, as the message after an export says. */
function psql(database: string, ...args: readonly string[]): void {
  const { host, port, superuser, superPassword } = testServer();
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: superuser,
    PGPASSWORD: superPassword,
    PGDATABASE: database,
  };
  const { status, stderr } = spawnSync(join(realBinDir()!, 'psql'), ['--no-psqlrc', '--quiet', ...args], {
    env,
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
}

test('a backup is exported as plain SQL that nobody else can read, the schema alone as well', async ({ db }) => {
  const project = await backupProject(db);
  await project.run('backup');
  const run = await project.run('backup', 'export', 'latest', '--to', "it's all.sql");
  expect(run.code, run.stderr).toBe(0);
  const file = join(project.dir, "it's all.sql");
  expect(run.stdout).toContain(`wrote ${file}`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const sql = readFileSync(file, 'utf8');
  expect(sql).toContain(`"${ODD_TABLE}"`);
  expect(sql).toContain('FORCE ROW LEVEL SECURITY');
  expect(sql).toContain('COPY public.tenant (id, slug) FROM stdin;\n1\ttenant 1\n');

  const schema = await project.report('backup', 'export', 'latest', '--to', 'schema.sql', '--schema-only');
  const text = readFileSync(join(project.dir, 'schema.sql'), 'utf8');
  expect(schema.data.export).toMatchObject({ file: join(project.dir, 'schema.sql'), bytes: Buffer.byteLength(text) });
  expect(text).toContain('CREATE POLICY');
  expect(text).not.toContain('tenant 1\n');
});

test('psql puts an export into an empty database, and everything there is what it was', async ({ db }) => {
  const project = await backupProject(db);
  await project.run('backup');
  const run = await project.run('backup', 'export', 'latest', '--to', "it's all.sql");
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toContain('psql --single-transaction --set=ON_ERROR_STOP=1 --file=FILE DATABASE');
  const into = databases.name('"psql" 100%');
  await databases.query('postgres', `create database ${quoteIdentifier(into)} template template0`);
  psql(into, '--single-transaction', '--set=ON_ERROR_STOP=1', `--file=${join(project.dir, "it's all.sql")}`);

  const [backup] = readStore(join(project.dir, '.aisha-db/backups')).backups;
  const { superuser, superPassword } = testServer();
  const databaseUrl = urlAs({ ...db, name: encodeURIComponent(into) }, superuser, superPassword);
  const session = await openReader(resolveTarget({ databaseUrl, env: {} }), 'aisha-db test');
  await session.query('begin isolation level repeatable read, read only');
  expect(await compareRestored(session, backup!, { extensions: [], foreignKeys: [] }, () => {})).toEqual([]);
  await session.close();
  // Not by our own comparison alone.
  const found = await databases.query(
    into,
    `select relrowsecurity as rls, relforcerowsecurity as forced, p.polname as policy,
       (select count(*)::int from public.invoice) as rows, (select sum(total)::int from public.invoice) as total
     from pg_class c join pg_policy p on p.polrelid = c.oid where c.oid = 'public.invoice'::regclass`,
  );
  expect(found).toEqual([{ rls: true, forced: true, policy: "tenant's own", rows: 500, total: (500 * 501) / 2 }]);
});

test('an export replaces no file, and leaves none when it fails', async ({ db }) => {
  const project = await backupProject(db, 'create table a (id int)');
  const [backup] = (await project.report('backup')).data.backups;
  await project.write({ 'precious.sql': 'select 1' });
  const there = await project.run('backup', 'export', 'latest', '--to', 'precious.sql');
  expect(there.code).toBe(2);
  expect(there.stderr).toContain('precious.sql is there already');
  expect(readFileSync(join(project.dir, 'precious.sql'), 'utf8')).toBe('select 1');

  const nowhere = await project.run('backup', 'export', 'latest', '--to', 'no/such/folder.sql');
  expect(nowhere.code).toBe(2);
  expect(nowhere.stderr).toContain('cannot be written');

  appendFileSync(join(backup.path, 'dump.custom'), 'x');
  const damaged = await project.run('backup', 'export', backup.id, '--to', 'new.sql');
  expect(damaged.code).toBe(10);
  expect(damaged.stderr).toContain('is not what was written: it is not exported');
  expect(existsSync(join(project.dir, 'new.sql'))).toBe(false);
  expect(readdirSync(project.dir).filter((name) => name.endsWith('.draft'))).toEqual([]);
  expect((await project.report('backup', 'list')).data.backups).toMatchObject([{ state: 'suspect' }]);
});

test('an export needs one backup and one file', async ({ db }) => {
  const project = await backupProject(db, 'create table a (id int)');
  await project.run('backup');
  for (const args of [[], ['latest', 'latest'], ['latest']]) {
    expect((await project.run('backup', 'export', ...args)).code).toBe(2);
  }
});
