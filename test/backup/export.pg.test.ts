import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../support/database.ts';
import { backupProject, ODD_TABLE } from './fixture.ts';

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
