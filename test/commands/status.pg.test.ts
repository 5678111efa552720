/** @module-tag since-13 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { linkIn, makeFolder } from '../support/folder.ts';
import { runAsOrdinaryUser } from '../support/ordinary-user.ts';
import { ledgerOf, makeProject, objectsOf, statesOf } from './project.ts';

describe('every .sql file is accounted for', () => {
  test('with its phase, number and state, whatever its name and place', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_users.sql': 'create table users (id int)',
        'sql/002_empty.sql': '',
        'sql/0003_wide.sql': 'select 3',
        'sql/155a_between.sql': 'select 155',
        'sql/20260424_dated.sql': 'select 1',
        'sql/2025-12-17_dated.sql': 'select 1',
        'sql/999_grants.sql': 'select 999',
        'sql/ROLLBACK_001_users.sql': 'drop table users',
        'sql/FIX_typo.sql': 'select 1',
        'sql/DIAGNOSTIC_locks.sql': 'select 1',
        'sql/APPLY_ALL.SQL': 'select 1',
        'sql/notes.sql': 'select 1',
        'sql/fixes/FIX_users.sql': 'select 1',
        'sql/archive/2019/001_old.sql': 'select 1',
        'sql/010_backup.sql.bak': 'no SQL file',
        'sql/README.md': 'no SQL file',
        'shared/010_linked.sql': 'select 10',
      },
      db,
    );
    await linkIn(project.dir, 'sql/010_linked.sql', '../shared/010_linked.sql');
    await linkIn(project.dir, 'sql/011_dangling.sql', 'nowhere.sql');
    const { data, findings, exitCode } = await project.report('status');
    const rows = data.migrations.map(
      (m: Record<string, string | null>) => `${m['phase']} ${m['number']} ${m['state']} ${m['file']}`,
    );
    expect(rows).toEqual([
      'forward 001 pending 001_users.sql',
      'forward 002 pending 002_empty.sql',
      'forward 0003 pending 0003_wide.sql',
      'forward 010 pending 010_linked.sql',
      'forward 011 pending 011_dangling.sql',
      'forward 155a pending 155a_between.sql',
      'forward 2025-12-17 pending 2025-12-17_dated.sql',
      'forward 20260424 pending 20260424_dated.sql',
      'final 999 pending 999_grants.sql',
      'manual null not-run APPLY_ALL.SQL',
      'manual null not-run DIAGNOSTIC_locks.sql',
      'manual null not-run FIX_typo.sql',
      'manual null not-run archive/2019/001_old.sql',
      'manual null not-run fixes/FIX_users.sql',
      'manual null not-run notes.sql',
      'rollback 001 not-run ROLLBACK_001_users.sql',
    ]);
    expect(findings).toContainEqual(
      expect.objectContaining({ object: '011_dangling.sql', message: 'cannot be read: no such file' }),
    );
    expect(exitCode).toBe(1);
  });

  test('and every row of the ledger, with all its states at once', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_kept.sql': 'create table kept (id int)',
        'sql/002_changed.sql': 'create table changed (id int)',
        'sql/003_gone.sql': 'create table gone (id int)',
        'sql/005_half.sql': '-- Transaction: none\ncreate table half (id int);\nselect 1/0;',
      },
      db,
    );
    await project.run('baseline', '--to', '001', '--yes');
    expect((await project.run('migrate')).code).toBe(8);
    await project.write({
      'sql/002_changed.sql': 'create table changed (id bigint)',
      'sql/004_late.sql': 'select 4',
      'sql/006_next.sql': 'select 6',
    });
    await project.remove('sql/003_gone.sql');
    const report = await project.report('status');
    expect(statesOf(report)).toEqual({
      '001_kept.sql': 'baseline',
      '002_changed.sql': 'changed',
      '003_gone.sql': 'missing',
      '004_late.sql': 'out-of-order',
      '005_half.sql': 'interrupted',
      '006_next.sql': 'pending',
    });
    const half = report.data.migrations.find((m: { file: string }) => m.file === '005_half.sql');
    expect(half.reason).toBe('1 of 2 statements ran; the next run resumes');
    expect(report.exitCode).toBe(5);
  });

  test('a file that may not be read is named, and the rest is still listed', async ({ db }) => {
    const folder = await makeFolder({ 'sql/001_a.sql': 'select 1', 'sql/002_secret.sql': 'select 2' });
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'sql/002_secret.sql'), 0);
    const { code, stdout } = await runAsOrdinaryUser(['status'], { cwd: folder, env: db.env });
    expect(stdout).toContain('pending  forward  001_a.sql');
    expect(stdout).toContain('cannot be read: permission denied');
    expect(code).toBe(1);
  });

  test('a folder that may not be listed is an error, not an empty folder', async ({ db }) => {
    const folder = await makeFolder({ 'sql/001_a.sql': 'select 1' });
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'sql'), 0);
    const { code, stderr } = await runAsOrdinaryUser(['status'], { cwd: folder, env: db.env });
    expect(stderr).toContain('permission denied');
    expect(code).toBe(2);
  });
});

describe('the state after a run', () => {
  test('nothing has been applied yet: no ledger is needed, and none is made', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    const before = await objectsOf(db);
    const { code, stdout } = await project.run('status');
    expect(code).toBe(0);
    expect(stdout).toContain('1 pending');
    expect(await objectsOf(db)).toEqual(before);
  });

  test('an empty folder is no error', async ({ db }) => {
    const project = await makeProject({}, db);
    const { code, stdout } = await project.run('status', '--check');
    expect(stdout).toBe('no migrations\n');
    expect(code).toBe(0);
  });

  test('--check is green only when nothing is left to do', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/999_last.sql': 'select 1' }, db);
    expect((await project.run('status')).code).toBe(0);
    expect((await project.run('status', '--check')).code).toBe(1);
    await project.run('migrate');
    expect((await project.run('status', '--check')).code).toBe(0);
    await project.write({ 'sql/002_b.sql': 'select 2' });
    const report = await project.report('status', '--check');
    expect(report).toMatchObject({ exitCode: 1, status: 'findings' });
  });

  test('--pending lists only what is not applied', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    await project.run('migrate');
    await project.write({ 'sql/002_b.sql': 'select 2' });
    const { stdout } = await project.run('status', '--pending');
    expect(stdout).toContain('002_b.sql');
    expect(stdout).not.toContain('001_a.sql');
  });

  test('a changed or a missing file exits with 5, also without --check', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 2' }, db);
    await project.run('migrate');
    await project.write({ 'sql/001_a.sql': 'select 11' });
    const changed = await project.run('status');
    expect(changed.code).toBe(5);
    expect(changed.stdout).toContain(
      'fix: Restore the applied content, or accept the change: aisha-db repair 001_a.sql.',
    );
    await project.write({ 'sql/001_a.sql': 'select 1' });
    expect((await project.run('status')).code).toBe(0);
    await project.remove('sql/002_b.sql');
    expect((await project.run('status')).code).toBe(5);
  });

  test('a file run by name stays accounted for, also after it has been removed', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/once.sql': 'select 2' }, db);
    await project.run('migrate');
    await project.run('migrate', '--only', 'once.sql');
    await project.write({ 'sql/once.sql': 'select 3' });
    const changed = await project.report('status', '--check');
    expect(changed.data.migrations[1]).toMatchObject({
      file: 'once.sql',
      phase: 'manual',
      state: 'applied',
      reason: 'changed since it ran; its new content did not',
    });
    await project.remove('sql/once.sql');
    const removed = await project.report('status', '--check');
    expect(statesOf(removed)).toEqual({ '001_a.sql': 'applied', 'once.sql': 'applied' });
    expect(removed.exitCode).toBe(0);
  });
});

describe('what may be read', () => {
  test('a role that may only read is enough', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 2' }, db);
    await project.run('migrate', '--to', '001');
    const report = await project.report('status', '--database-url', db.readerUrl);
    expect(statesOf(report)).toEqual({ '001_a.sql': 'applied', '002_b.sql': 'pending' });
    expect(report.target.user).toBe('app_reader');
    expect(report.exitCode).toBe(0);
  });

  test('a ledger that somebody has locked is waited for no longer than --timeout says, by migrate neither', async ({
    db,
  }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    await project.run('migrate');
    const other = await db.connect();
    await other.query('begin; lock table aisha_db.migrations');
    for (const command of ['status', 'migrate']) {
      const run = await project.run(command, '--timeout', '300ms');
      expect([run.code, run.stderr]).toEqual([130, expect.stringContaining('error: gave up after 300ms')]);
    }
    await other.query('rollback');
  });

  test('a role that may not read the ledger is told what to grant', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    await project.run('migrate');
    const stranger = `stranger_${db.name}`;
    await db.superQuery(`create role ${stranger} login password 'stranger password'`);
    const url = new URL(db.url);
    url.username = stranger;
    url.password = 'stranger password';
    const { code, stderr } = await project.run('status', '--database-url', url.href);
    await db.superQuery(`drop role ${stranger}`);
    expect(stderr).toContain('error: the role may not read the ledger aisha_db.migrations');
    expect(stderr).toContain('grant select on "aisha_db"."migrations" to');
    expect(code).toBe(3);
  });

  test('a ledger under another name stops every command, since all files would be run again', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'create table a (id int)' }, db);
    await project.run('migrate');
    await project.write({ 'aisha-db.config.json': '{ "ledger": { "schema": "ops" } }' });
    for (const args of [['status'], ['migrate'], ['migrate', '--dry-run'], ['baseline', '--to', '1'], ['repair']]) {
      const { code, stderr } = await project.run(...args);
      expect(stderr).toContain('no ledger ops.migrations, but this database has one: aisha_db.migrations');
      expect(code).toBe(4);
    }
    expect(await objectsOf(db)).not.toContain('ops');
    await project.write({ 'aisha-db.config.json': '{ "ledger": { "schema": "aisha_db" } }' });
    expect((await project.run('status', '--check')).code).toBe(0);
  });

  test('a table of that name which is no ledger is left alone', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'select 1',
        'aisha-db.config.json': '{ "ledger": { "schema": "public", "table": "migrations" } }',
      },
      db,
    );
    await db.query('create table public.migrations (id int primary key)');
    for (const command of ['status', 'migrate']) {
      const { code, stderr } = await project.run(command);
      expect(stderr).toContain('public.migrations exists and is no ledger of aisha-db');
      expect(code).toBe(2);
    }
  });
});

describe('the report', () => {
  test('is exactly the shape that scripts rely on', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 2' }, db);
    await project.run('migrate', '--to', '1');
    const report = await project.report('status');
    expect(Object.keys(report)).toEqual([
      'schema',
      'command',
      'version',
      'target',
      'startedAt',
      'durationMs',
      'status',
      'exitCode',
      'checks',
      'findings',
      'data',
    ]);
    expect(Object.keys(report.target)).toEqual(['host', 'port', 'database', 'user', 'serverVersion']);
    const [applied, pending] = report.data.migrations;
    for (const entry of [applied, pending])
      expect(Object.keys(entry)).toEqual([
        'file',
        'number',
        'phase',
        'state',
        'checksum',
        'durationMs',
        'appliedAt',
        'reason',
      ]);
    expect(applied).toMatchObject({
      file: '001_a.sql',
      number: '001',
      phase: 'forward',
      state: 'applied',
      reason: null,
    });
    expect(applied.checksum).toMatch(/^[0-9a-f]{64}$/);
    expect(Number.isInteger(applied.durationMs)).toBe(true);
    expect(Math.abs(Date.parse(applied.appliedAt) - Date.now())).toBeLessThan(120_000);
    expect(pending).toMatchObject({ state: 'pending', durationMs: null, appliedAt: null });
  });

  test('is readable through a pipe: 80 columns, no colour', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_create_users.sql': 'create table users (id int)',
        'sql/002_add_orders.sql': 'create table orders (id int)',
        'sql/999_grants.sql': 'select 1',
        'sql/ROLLBACK_002_add_orders.sql': 'drop table orders',
      },
      db,
    );
    const { stdout } = await project.run('status');
    expect(stdout).toMatchInlineSnapshot(`
      "3 pending, 1 not-run

      state    phase     file                         ms  note
      -------  --------  ---------------------------  --  ---------------------
      pending  forward   001_create_users.sql
      pending  forward   002_add_orders.sql
      pending  final     999_grants.sql                   runs last
      not-run  rollback  ROLLBACK_002_add_orders.sql      for aisha-db rollback
      "
    `);
    await project.run('migrate', '--to', '1');
    const after = (await project.run('status')).stdout;
    expect(after).toMatch(/^applied {2}forward {3}001_create_users\.sql +\d+ {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m);
    for (const line of [...stdout.split('\n'), ...after.split('\n')]) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('gives times in one zone, whatever the session is set to', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    await project.run('migrate');
    const here = await project.report('status');
    const elsewhere = await project.report(
      'status',
      '--database-url',
      `${db.url}?options=-c%20timezone%3DAsia/Kathmandu`,
    );
    expect(here.data.migrations[0].appliedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/);
    expect(elsewhere.data.migrations).toEqual(here.data.migrations);
  });

  test('names its target first, on stderr, without the password', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
    for (const command of ['status', 'migrate']) {
      const { stderr } = await project.run(command);
      expect(stderr.split('\n')[0]).toBe(`target: ${db.host}:${db.port}/${db.name} as app_owner`);
      expect(stderr.match(/^server:/gm)).toHaveLength(1);
    }
    expect((await project.run('status', '--quiet')).stderr).toBe('');
  });
});

test('readers do not wait for one another nor for a run', async ({ db }) => {
  const project = await makeProject({ 'sql/001_slow.sql': 'select pg_sleep(2)' }, { env: db.env, ownProcess: true });
  const run = project.start('migrate');
  await expect.poll(async () => (await objectsOf(db)).includes('aisha_db.migrations'), { timeout: 20_000 }).toBe(true);
  const reports = await Promise.all(Array.from({ length: 4 }, () => project.report('status')));
  expect(reports.map((report) => report.exitCode)).toEqual([0, 0, 0, 0]);
  expect((await run.done).code).toBe(0);
  expect(await ledgerOf(db)).toEqual([{ file: '001_slow.sql', state: 'applied' }]);
});
