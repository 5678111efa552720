/** @module-tag since-13 */
import type pg from 'pg';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeProject } from './project.ts';

async function session(db: TestDatabase, name: string, sql = 'select 1', url = db.url) {
  const client = await db.connect(url);
  await client.query(`set application_name = '${name.replaceAll("'", "''")}'`);
  await client.query(sql);
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return { client, pid: rows[0]!.pid };
}

const isAlive = ({ client }: { client: pg.Client }) =>
  client.query('select 1').then(
    () => true,
    () => false,
  );

/** Sessions of every kind; those that the test itself needs are spared by name. */
async function sessionsOf(db: TestDatabase) {
  return {
    idle: await session(db, "web 'pool'"),
    inTransaction: await session(db, 'web', 'begin'),
    aborted: await session(db, 'web', 'begin').then(async (made) => {
      await made.client.query('select 1 / 0').catch(() => {});
      return made;
    }),
    pooler: await session(db, 'Supavisor'),
    locked: await session(db, 'job', 'select pg_advisory_lock(42)'),
    superuser: await session(db, 'admin', 'select 1', db.superUrl),
    spared: await session(db, 'nightly'),
  };
}

const SPARE = ['--spare', 'nightly'];

test('--kill-idle ends idle sessions and those left in a transaction, and spares the others', async ({ db }) => {
  const sessions = await sessionsOf(db);
  const project = await makeProject({}, { env: db.env });
  const report = await project.report('connections', '--kill-idle', '0', ...SPARE, '--yes');
  expect(report).toMatchObject({ exitCode: 0, checks: [{ id: 'idle-sessions', status: 'passed' }] });
  const outcomes = new Map(report.data.sessions.map((one: { pid: number; outcome: string }) => [one.pid, one.outcome]));
  expect(Object.fromEntries(Object.entries(sessions).map(([name, { pid }]) => [name, outcomes.get(pid)]))).toEqual({
    idle: 'ended',
    inTransaction: 'ended',
    aborted: 'ended',
    pooler: 'spared: a pooler or a service, which opens it again',
    locked: 'spared: holds an advisory lock',
    superuser: expect.stringContaining('is a superuser'),
    spared: 'spared: named with --spare',
  });
  const alive = await Promise.all(Object.entries(sessions).map(async ([name, one]) => [name, await isAlive(one)]));
  expect(Object.fromEntries(alive)).toEqual({
    idle: false,
    inTransaction: false,
    aborted: false,
    pooler: true,
    locked: true,
    superuser: true,
    spared: true,
  });
});

test('it shows the list and ends nothing without an answer, or with --dry-run', async ({ db }) => {
  const web = await session(db, 'web');
  const project = await makeProject({}, { env: db.env });
  const unanswered = await project.run('connections', '--kill-idle', '0');
  expect(unanswered.code).toBe(3);
  expect(unanswered.stderr).toContain(`end pid ${web.pid}: app_owner, web`);
  const dry = await project.run('connections', '--kill-idle', '0', '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain('would be ended');
  expect(await isAlive(web)).toBe(true);
});

test('who has been idle for less long is left alone', async ({ db }) => {
  const web = await session(db, 'web');
  const project = await makeProject({}, { env: db.env });
  const report = await project.report('connections', '--kill-idle', '10m', '--yes');
  expect(report.data.sessions).toEqual([]);
  expect(await isAlive(web)).toBe(true);
});

test('a role that does not see other sessions is told so, and one that may not end them as well', async ({ db }) => {
  const web = await session(db, 'web');
  const project = await makeProject({}, { env: { DATABASE_URL: db.readerUrl } });
  const blind = await project.report('connections', '--kill-idle', '0', '--yes');
  expect(blind).toMatchObject({
    exitCode: 1,
    checks: [{ status: 'unknown', remediation: 'grant pg_read_all_stats to "app_reader";' }],
  });
  const role = `watcher_${db.name}`;
  await db.superQuery(`create role ${role} login password 'x' in role pg_read_all_stats`);
  const url = new URL(db.url);
  url.username = role;
  url.password = 'x';
  const watching = await makeProject({}, { env: { DATABASE_URL: url.href } });
  const refused = await watching.report('connections', '--kill-idle', '0', '--yes');
  expect(refused).toMatchObject({ exitCode: 1, checks: [{ status: 'failed' }] });
  expect(refused.findings.map(({ object }: { object: string }) => object)).toContain(`pid ${web.pid}`);
  expect(await isAlive(web)).toBe(true);
  await db.superQuery(`drop role ${role}`);
});
