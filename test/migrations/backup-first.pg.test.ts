import { existsSync } from 'node:fs';
import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { isRunning } from '../../src/postgres/process-identity.ts';
import { heldTools, realBinDir } from '../backup/fake-tools.ts';
import { backupProject } from '../backup/fixture.ts';
import { sessionsOf, storeOf } from '../backup/store-content.ts';
import { advisoryLocks, type Project, statesOf } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';

const ID = /^\d{8}T\d{6}Z-pre-migration-[0-9a-f]{6}$/;

/** What the ledger says about backups, in the order in which files were applied. */
async function backupsInLedger(db: TestDatabase): Promise<(string | null)[]> {
  const rows = await db.superQuery<{ id: string | null }>(
    'select backup_id as id from aisha_db.migrations order by sequence',
  );
  return rows.map(({ id }) => id);
}

async function configure(project: Project, backup: Readonly<Record<string, unknown>>): Promise<void> {
  await project.write({ 'aisha-db.config.json': JSON.stringify({ backup }) });
}

/** Client tools of which one fails. */
async function brokenTools(broken: 'pg_dump' | 'pg_restore'): Promise<string> {
  const real = realBinDir()!;
  const binDir = await makeFolder({
    [broken]: `#!/bin/sh
if [ "$1" = --version ]; then exec '${real}/${broken}' --version; fi
echo '${broken}: error: out of luck' >&2
exit 1
`,
  });
  await chmod(join(binDir, broken), 0o755);
  const other = broken === 'pg_dump' ? 'pg_restore' : 'pg_dump';
  await symlink(join(real, other), join(binDir, other));
  return binDir;
}

describe('before the first file', () => {
  test('a backup is taken, proved, recorded with each file, and gone from the server', async ({ db }) => {
    const project = await backupProject(db, 'create table public.kept (id int); insert into kept values (1)');
    await project.write({
      'sql/001_a.sql': `create table sessions as
        select application_name from pg_stat_activity where application_name like 'aisha-db backup%'`,
      'sql/002_b.sql': 'drop table kept',
    });
    const run = await project.run('migrate', '--format', 'json');
    expect(run.code, run.stderr).toBe(0);
    const { backup } = run.json().data;
    expect(backup).toMatch(ID);
    expect(run.stderr).toMatch(/backup \S+-pre-migration-\S+: 2 tables, \S+ \S+, proved by a restore of/);
    expect(await backupsInLedger(db)).toEqual([backup, backup]);
    expect(await db.superQuery('select * from sessions')).toEqual([]);
    expect((await project.report('backup', 'list')).data.backups).toMatchObject([
      { id: backup, class: 'pre-migration', state: 'verified' },
    ]);
    // Nothing is pending any more, so there is nothing to save the database from.
    expect((await project.report('migrate')).data.backup).toBeNull();
    expect(storeOf(project)).toHaveLength(1);
  });

  test('none is taken of an empty database, when told not to, or by the configuration', async ({ db }) => {
    const project = await backupProject(db, 'select 1');
    await project.write({ 'sql/001_a.sql': 'create table a (id int)' });
    expect((await project.run('migrate', '--dry-run')).stdout).not.toContain('Backup');
    const first = await project.run('migrate');
    expect(first.stderr).toContain('no backup before the first file: the database has no table yet');
    await project.write({ 'sql/002_b.sql': 'create table b (id int)' });
    expect((await project.run('migrate', '--no-backup')).code).toBe(0);
    await configure(project, { beforeMigrate: false, proveAtOnce: [] });
    await project.write({ 'sql/003_c.sql': 'create table c (id int)' });
    expect((await project.run('migrate')).code).toBe(0);
    expect(await backupsInLedger(db)).toEqual([null, null, null]);
    expect(storeOf(project)).toEqual([]);
    await project.write({ 'sql/004_d.sql': 'create table d (id int)' });
    const asked = await project.run('migrate', '--backup', '--store', 'elsewhere');
    expect(asked.stderr).toContain('not proved');
    expect((await backupsInLedger(db)).at(-1)).toMatch(ID);
    expect(existsSync(join(project.dir, 'elsewhere'))).toBe(true);
  });
});

describe('when the backup fails nothing is applied, and the run ends with 10:', () => {
  async function expectNothingApplied(project: Project, db: TestDatabase): Promise<string> {
    await project.write({ 'sql/001_a.sql': 'drop table kept', 'sql/002_b.sql': 'create table b (id int)' });
    const run = await project.run('migrate', '--format', 'json');
    expect(run.code, run.stderr).toBe(10);
    expect(statesOf(run.json())).toEqual({ '001_a.sql': 'not-run', '002_b.sql': 'not-run' });
    expect(await backupsInLedger(db)).toEqual([]);
    expect(await db.superQuery(`select to_regclass('kept') is not null as there`)).toEqual([{ there: true }]);
    await expect.poll(() => sessionsOf(db)).toBe(0);
    expect(run.json().error.hint).toContain('--no-backup');
    return [run.json().error.message, ...(run.json().error.details ?? [])].join('\n');
  }

  test('something stands against it', async ({ db }) => {
    const project = await backupProject(
      db,
      'create table kept (id int); alter table kept enable row level security; alter table kept force row level security',
    );
    await db.superQuery('create table public.hidden (id int)');
    expect(await expectNothingApplied(project, db)).toContain(
      'nothing was applied, because the backup before it failed: no backup was taken: one thing stands against it\nno permission to read the table public.hidden',
    );
  });

  test('pg_dump fails', async ({ db }) => {
    const project = await backupProject(db, 'create table kept (id int)');
    await configure(project, { binDir: await brokenTools('pg_dump') });
    expect(await expectNothingApplied(project, db)).toContain('pg_dump failed with exit code 1');
  });

  test('it cannot be restored', async ({ db }) => {
    const project = await backupProject(db, 'create table kept (id int)');
    await configure(project, { binDir: await brokenTools('pg_restore') });
    expect(await expectNothingApplied(project, db)).toContain('out of luck');
  });
});

describe('nothing is applied and nothing is left when, while the backup is taken,', () => {
  async function heldMigration(db: TestDatabase) {
    const tools = await heldTools();
    const project = await backupProject(db, 'create table kept (id int)');
    await configure(project, { binDir: tools.binDir, proveAtOnce: [] });
    await project.write({ 'sql/001_a.sql': 'drop table kept' });
    const run = project.start('migrate');
    await tools.started();
    return { project, run, pid: await tools.pid(), tools };
  }

  test('the user interrupts', async ({ db }) => {
    const { project, run, pid } = await heldMigration(db);
    run.kill('SIGINT');
    expect((await run.done).code).toBe(130);
    expect(isRunning(pid)).toBe(false);
    await expect.poll(() => sessionsOf(db)).toBe(0);
    expect(await backupsInLedger(db)).toEqual([]);
    expect(await advisoryLocks(db)).toBe(0);
    expect(storeOf(project)).toEqual([]);
  });

  test('the program is killed: the next run clears up, backs up and applies', async ({ db }) => {
    const { project, run, pid, tools } = await heldMigration(db);
    run.kill('SIGKILL');
    await run.done;
    expect(await backupsInLedger(db)).toEqual([]);
    await tools.release();
    const next = await project.run('migrate');
    expect(next.code, next.stderr).toBe(0);
    expect(next.stderr).toMatch(/cleared away what the run \S+-pre-migration-\S+ of \S+ had left/);
    expect(isRunning(pid)).toBe(false);
    expect(storeOf(project)).toHaveLength(1);
    expect(await backupsInLedger(db)).toEqual(storeOf(project));
  });
});

test('a file that is resumed keeps the backup from before it was begun', async ({ db }) => {
  const project = await backupProject(db, 'create table a (id int); insert into a values (1), (1)');
  await configure(project, { proveAtOnce: [] });
  await project.write({
    'sql/001_a.sql': 'create index concurrently i on a (id); create unique index concurrently u on a (id);',
  });
  expect((await project.run('migrate')).code).toBe(8);
  const [first] = await backupsInLedger(db);
  expect(first).toMatch(ID);
  await db.query('delete from a where ctid = (select min(ctid) from a)');
  const second = await project.run('migrate', '--format', 'json');
  expect(second.code, second.stderr).toBe(0);
  expect(second.json().data.backup).not.toBe(first);
  expect(await backupsInLedger(db)).toEqual([first]);
});

test('a rollback is preceded by a backup as well', async ({ db }) => {
  const project = await backupProject(db, 'select 1');
  await configure(project, { proveAtOnce: [] });
  await project.write({ 'sql/001_a.sql': 'create table a (id int)', 'sql/ROLLBACK_001_a.sql': 'drop table a' });
  await project.run('migrate');
  const dry = await project.run('rollback', '001', '--dry-run');
  expect(dry.stdout).toContain('Backup before the first file');
  const { data } = await project.report('rollback', '001', '--yes');
  expect(data.backup).toMatch(ID);
  expect(await backupsInLedger(db)).toEqual([data.backup]);
  await project.run('migrate', '--no-backup');
  await project.run('rollback', '001', '--yes', '--no-backup');
  expect(storeOf(project)).toHaveLength(1);
});

test('a fix is preceded by a backup that its row of the ledger names; a dry run only tells of it', async ({ db }) => {
  const project = await backupProject(db, 'create table a as select 1 as id');
  await configure(project, { proveAtOnce: [] });
  await project.write({ 'sql/fixes/FIX_a.sql': 'update a set id = 2' });
  const dry = await project.run('fix', 'a', '--dry-run');
  expect(dry.stdout).toContain('Backup before the first file');
  expect(storeOf(project)).toEqual([]);
  const { data } = await project.report('fix', 'a', '--yes');
  expect(storeOf(project)).toEqual([data.backup]);
  expect(await backupsInLedger(db)).toEqual([data.backup]);
  await configure(project, { binDir: await brokenTools('pg_dump') });
  const failed = await project.run('fix', 'a', '--yes');
  expect(failed.code).toBe(10);
  expect(failed.stderr).toContain('nothing was applied, because the backup before it failed');
  await project.run('fix', 'a', '--yes', '--no-backup');
  expect(await backupsInLedger(db)).toEqual([null]);
});

describe('a dry run', () => {
  test('says that a backup would be taken, how big and how long, and writes nothing', async ({ db }) => {
    const project = await backupProject(db, 'create table a as select generate_series(1, 1000) i');
    await project.write({ 'sql/001_a.sql': 'drop table a' });
    const { code, stdout, stderr } = await project.run('migrate', '--dry-run');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Backup before the first file (--no-backup: none)');
    expect(stdout).toMatch(/^class +pre-migration$/m);
    expect(stdout).toMatch(/^size +about \d+ kB of \S+ [GT]B that are free$/m);
    expect(stdout).toMatch(/^time +about \d+ ms, and a restore that proves it$/m);
    const { data } = await project.report('migrate', '--dry-run');
    expect(data.backup).toMatchObject({ class: 'pre-migration', tables: 1, isProved: true });
    expect((await project.run('migrate', '--dry-run', '--no-backup')).stdout).not.toContain('Backup');
    expect(existsSync(join(project.dir, '.aisha-db'))).toBe(false);
  });

  test('finds what would stop the run', async ({ db }) => {
    const project = await backupProject(db, 'create table a (id int)');
    await db.superQuery('create table public.hidden (id int)');
    await project.write({ 'sql/001_a.sql': 'drop table a' });
    const report = await project.report('migrate', '--dry-run');
    expect(report.exitCode).toBe(1);
    expect(report.findings).toMatchObject([
      { check: 'backup-before-migrate', severity: 'critical', message: expect.stringContaining('public.hidden') },
    ]);
    expect(report.data.plan).toHaveLength(1);
  });
});

describe('a dump of somebody else', () => {
  const LOCKS = 'create table public.read (id int); create table public.other (id int)';

  async function dumping(db: TestDatabase) {
    const dump = await db.connect();
    await dump.query(`set application_name = 'pg_dump'`);
    await dump.query('begin; lock table public.read in access share mode');
    return { dump, pid: (await dump.query('select pg_backend_pid() as pid')).rows[0].pid as number };
  }

  test('that reads what a pending file locks is named and waited for, then stops the run before anything', async ({
    db,
  }) => {
    const project = await backupProject(db, LOCKS);
    const { pid } = await dumping(db);
    await project.write({ 'sql/001_a.sql': 'create table b (id int)', 'sql/002_b.sql': 'alter table read add n int' });
    const run = await project.run('migrate', '--lock-wait', '600ms', '--format', 'json');
    expect(run.code, run.stderr).toBe(6);
    expect(run.stderr).toContain(`waiting for a dump: pid ${pid}, role app_owner, pg_dump, since`);
    expect(run.json().error).toMatchObject({
      message: 'a dump reads tables that pending files lock',
      details: [expect.stringMatching(`^pid ${pid}, .*, reads public.read$`)],
    });
    expect(statesOf(run.json())).toEqual({ '001_a.sql': 'not-run', '002_b.sql': 'not-run' });
    expect(await backupsInLedger(db)).toEqual([]);
    expect(storeOf(project)).toEqual([]);
  });

  test('is waited for no longer than it takes', async ({ db }) => {
    const project = await backupProject(db, LOCKS);
    const { dump } = await dumping(db);
    await project.write({ 'sql/001_a.sql': 'alter table read add n int' });
    const run = project.start('migrate', '--no-backup');
    await run.stderrContains('waiting for a dump');
    await dump.query('commit');
    const { code, stderr } = await run.done;
    expect(code, stderr).toBe(0);
  });

  test('does not keep files waiting that do not lock what it reads', async ({ db }) => {
    const project = await backupProject(db, LOCKS);
    await dumping(db);
    await project.write({ 'sql/001_a.sql': 'insert into read values (1); alter table other add n int' });
    const { code, stderr } = await project.run('migrate', '--no-backup');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('waiting');
  });
});
