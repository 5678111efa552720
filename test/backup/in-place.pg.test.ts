import { describe } from 'vitest';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { backupProject } from './fixture.ts';

/** The fixture's role may not create databases: as on many managed servers. */
async function changedSince(db: TestDatabase, ...backup: string[]): Promise<Project> {
  const project = await backupProject(db);
  const { code, stderr } = await project.run('backup', ...backup);
  expect(code, stderr).toBe(0);
  return project;
}

/** What somebody has done to it since. */
const DAMAGE = `
  delete from public.event; drop view public.totals; alter table public.tenant add later int;
  drop policy "tenant's own" on public.invoice;
  create table public.later (id int references public.tenant); insert into public.later select id from public.tenant;
  create schema later; create table later.t (id int);
  grant create on schema public to anon;
  alter default privileges in schema public grant all on tables to authenticated;
  select lo_unlink(max(oid)) from pg_largeobject_metadata`;

const inPlace = (db: TestDatabase, ...more: string[]) => [
  ...['restore', 'latest', '--in-place', '--confirm', db.name],
  ...more,
];

describe('a restore in place where no database may be created', () => {
  test('takes one transaction, after a proved backup of what is there; nothing of the damage is left', async ({
    db,
  }) => {
    // Longer than what is restored at once, and nothing at all.
    await db.query(`select lo_from_bytea(4711, decode(repeat(md5('x'), 100000), 'hex')), lo_create(4712)`);
    const project = await changedSince(db);
    await db.query(`${DAMAGE}; select lo_put(4711, 1599999, '\\x00')`);
    const plan = await project.run('restore', 'latest', '--in-place', '--plan');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toContain('is emptied and filled again, in one transaction');
    expect(plan.stdout).toContain('ACCESS EXCLUSIVE on every table');
    const refused = await project.run('restore', 'latest', '--in-place', '--yes');
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('has to be confirmed by its name');
    const run = await project.run(...inPlace(db, '--format', 'json'));
    expect(run.code, run.stderr).toBe(0);
    const { safety } = run.json().data.replace;
    expect(await db.superQuery('select count(*)::int from public.event')).toEqual([{ count: 100 }]);
    expect(
      await db.superQuery(
        `select length(lo_get(4711)), lo_get(4711) = decode(repeat(md5('x'), 100000), 'hex') as same`,
      ),
    ).toEqual([{ length: 1_600_000, same: true }]);
    const left = await db.superQuery(`select to_regclass('public.later') as a, to_regnamespace('later') as b`);
    expect(left).toEqual([{ a: null, b: null }]);
    const { backups } = (await project.report('backup', 'list')).data;
    expect(backups).toContainEqual(expect.objectContaining({ id: safety, state: 'verified' }));
    // And back: what was there before lies in the safety backup, whole.
    const back = await project.run('restore', safety, '--in-place', '--confirm', db.name);
    expect(back.code, back.stderr).toBe(0);
    expect(await db.superQuery('select count(*)::int from public.later')).toEqual([{ count: 20 }]);
  });

  test('leaves everything as it is when what it is told to leave alone would be lost', async ({ db }) => {
    await db.query('create schema kept; create table kept.t (id int)');
    const project = await changedSince(db, '--exclude-schema', 'kept');
    await db.query('create view kept.v as select id from public.tenant; delete from public.event');
    const run = await project.run(...inPlace(db));
    expect(run.code).toBe(10);
    expect(run.stderr).toContain('view kept.v');
    expect(run.stderr).toContain('Nothing was changed');
    expect(await db.superQuery('select count(*)::int from kept.v')).toEqual([{ count: 20 }]);
    expect(await db.superQuery('select count(*)::int from public.event')).toEqual([{ count: 0 }]);
  });

  test('that is killed before its commit has changed nothing, and the next run does it', async ({ db }) => {
    const project = await changedSince(db);
    await db.query('delete from public.event');
    const reader = await db.connect();
    await reader.query('begin; select from public.tenant limit 1');
    const run = project.start(...inPlace(db, '--lock-timeout', '0'));
    const waits = () =>
      db.superQuery(
        `select 1 from pg_stat_activity where query like 'lock table%' and wait_event_type = 'Lock' and datname = current_database()`,
      );
    await expect.poll(waits, { timeout: 60_000, interval: 100 }).toHaveLength(1);
    run.kill('SIGKILL');
    await run.done;
    await reader.query('commit');
    await reader.end();
    expect(await db.superQuery('select count(*)::int from public.event')).toEqual([{ count: 0 }]);
    const first = (await project.report('backup', 'list')).data.backups[0].id;
    const next = await project.run('restore', first, '--in-place', '--confirm', db.name);
    expect(next.code, next.stderr).toBe(0);
    expect(await db.superQuery('select count(*)::int from public.event')).toEqual([{ count: 100 }]);
  });

  test('waits for the locks of others only as long as it is told, and then names the cause', async ({ db }) => {
    const project = await changedSince(db);
    const reader = await db.connect();
    await reader.query('begin; select from public.tenant limit 1');
    const run = await project.run(...inPlace(db, '--lock-timeout', '200ms'));
    expect(run.code).toBe(6);
    expect(run.stderr).toContain('Nothing was changed');
    await reader.query('commit');
    await reader.end();
  });
});
