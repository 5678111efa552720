import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { describe } from 'vitest';
import { isRunning } from '../../src/postgres/process-identity.ts';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import type { StartedCli } from '../support/run.ts';
import { type HeldTools, heldTools } from './fake-tools.ts';
import { backupProject } from './fixture.ts';
import { sessionsOf, storeOf } from './store-content.ts';

const SCHEMA = 'create sequence public.s; create table public.a (id int); insert into a values (1)';

/** A dump that has begun and cannot go on: a sequence that it is about to read has just been dropped. */
interface StuckDump {
  readonly project: Project;
  readonly tools: HeldTools;
  readonly run: StartedCli;
  readonly pid: number;
  readonly blocker: pg.Client;
}

async function stuckDump(
  db: TestDatabase,
  settings: Readonly<Record<string, unknown>> = {},
  ...args: string[]
): Promise<StuckDump> {
  const project = await backupProject(db, SCHEMA);
  expect((await project.run('backup')).code).toBe(0);
  const tools = await heldTools();
  const backup = { binDir: tools.binDir, lockWait: '3s', ...settings };
  await project.write({ 'aisha-db.config.json': JSON.stringify({ backup }) });
  const run = project.start('backup', '--format', 'json', ...args);
  await tools.started();
  const blocker = await db.connect();
  await blocker.query('begin; drop sequence public.s');
  await tools.release();
  await expect.poll(() => waiting(db, 'app_dumper'), { timeout: 30_000 }).toBe(1);
  return { project, tools, run, pid: await tools.pid(), blocker };
}

/** Sessions of that role that wait for a lock. */
async function waiting(db: TestDatabase, role: string): Promise<number> {
  const [row] = await db.superQuery<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and usename = $1`,
    [role],
  );
  return row!.count;
}

/** Nothing of a failed run is left, what was there before still is and is whole, and the next run succeeds. */
async function expectNothingLost({ project, pid, blocker }: StuckDump, db: TestDatabase): Promise<void> {
  expect(isRunning(pid)).toBe(false);
  await expect.poll(() => sessionsOf(db)).toBe(0);
  expect(storeOf(project)).toHaveLength(1);
  expect((await project.run('backup', 'verify')).code).toBe(0);
  await blocker.query('rollback');
  await project.remove('aisha-db.config.json');
  const next = await project.run('backup');
  expect(next.code, next.stderr).toBe(0);
  expect(storeOf(project)).toHaveLength(2);
  expect((await project.run('backup', 'list')).code).toBe(0);
}

describe('nothing is lost and nothing is left when', () => {
  test('pg_dump is killed', async ({ db }) => {
    const dump = await stuckDump(db);
    process.kill(dump.pid, 'SIGKILL');
    const { code, json } = await dump.run.done;
    expect(code).toBe(10);
    expect(json().error.message).toBe('pg_dump was ended by SIGKILL');
    // Until one succeeds, the failure is known.
    const { code: listCode, stdout } = await dump.project.run('backup', 'list');
    expect(listCode).toBe(1);
    expect(stdout).toContain('pg_dump was ended by SIGKILL');
    await expectNothingLost(dump, db);
  });

  test('the user interrupts', async ({ db }) => {
    const dump = await stuckDump(db);
    dump.run.kill('SIGINT');
    expect((await dump.run.done).code).toBe(130);
    await expectNothingLost(dump, db);
  });

  test('the time of the whole run is over', async ({ db }) => {
    const dump = await stuckDump(db, { lockWait: '60s' }, '--timeout', '8s');
    const { code, json } = await dump.run.done;
    expect(code).toBe(130);
    expect(json().error).toMatchObject({ code: 'interrupted', message: expect.stringContaining('8s') });
    await expectNothingLost(dump, db);
  });

  test('the server ends the sessions of the dump', async ({ db }) => {
    const dump = await stuckDump(db);
    await db.superQuery(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and usename = 'app_dumper'`,
    );
    const { code, json } = await dump.run.done;
    expect(code).toBe(10);
    expect(json().error.details.join('\n')).toContain('terminating connection due to administrator command');
    await expectNothingLost(dump, db);
  });

  test('the dump does not move for too long, and the blocker is named', async ({ db }) => {
    const dump = await stuckDump(db, { idleTimeout: '3s' });
    // Not on a terminal: how far it is comes in lines of its own.
    await dump.run.stderrContains(/^dumping: \d+ %, \d of about \d rows?s?/m);
    const { code, json } = await dump.run.done;
    const [{ pid }] = (await dump.blocker.query('select pg_backend_pid() as pid')).rows;
    expect(code).toBe(10);
    expect(json().error).toMatchObject({
      message: 'the dump has not moved for 3 s',
      details: [expect.stringMatching(`^blocked by pid ${pid}, role app_owner`)],
    });
    await expectNothingLost(dump, db);
  });

  test('the program itself is killed: the next run ends what it left', async ({ db }) => {
    const dump = await stuckDump(db);
    dump.run.kill('SIGKILL');
    await dump.run.done;
    const { project, pid } = dump;
    const store = join(project.dir, '.aisha-db/backups');
    // The dump outlives the program: this is what has to be cleared away.
    expect(isRunning(pid)).toBe(true);
    expect(await waiting(db, 'app_dumper')).toBe(1);
    expect(existsSync(join(store, '.in-progress'))).toBe(true);
    const next = await project.run('backup');
    // The sequence is still locked, so that no backup can be taken; the old run is cleared away all the same.
    expect(next.stderr).toMatch(/cleared away what the run \S+ of \S+ had left/);
    expect(next.code).toBe(6);
    await expectNothingLost(dump, db);
  });
});

test('a second backup of the same database waits for the first, then names it', async ({ db }) => {
  const dump = await stuckDump(db, { lockWait: '500ms' });
  const second = await dump.project.run('backup');
  expect(second.code).toBe(6);
  expect(second.stderr).toContain('error: another backup of this database is being taken');
  expect(second.stderr).toMatch(/by pid \d+, aisha-db backup \S+/);
  await dump.blocker.query('rollback');
  const first = await dump.run.done;
  expect(first.code, first.stderr).toBe(0);
  expect(storeOf(dump.project)).toHaveLength(2);
});
