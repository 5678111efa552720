/** @module-tag since-13 */
import type pg from 'pg';
import { onTestFinished } from 'vitest';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { testServer } from '../support/server.ts';

const ROLE = `Slow "web's" rôle %s`;
const QUOTED = `"${ROLE.replaceAll('"', '""')}"`;

/** What a new session of the owner has. */
async function thresholdOf(db: TestDatabase, url = db.url): Promise<string> {
  const client = await db.connect(url);
  const { rows } = await client.query('show log_min_duration_statement');
  return rows[0].log_min_duration_statement;
}

const asSuperuser = async (db: TestDatabase) => makeProject({}, { env: { DATABASE_URL: db.superUrl } });

/** Roles and their privileges outlive the database of a test. */
async function withRole(maintenance: pg.Client): Promise<void> {
  await maintenance.query(`create role ${QUOTED} login`);
  onTestFinished(async () => void (await maintenance.query(`drop role ${QUOTED}`)));
}

test('shows every role of the database with its threshold and what decides it, hostile names too', async ({
  db,
  maintenance,
}) => {
  await withRole(maintenance);
  await db.superQuery(`alter database ${db.name} set log_min_duration_statement = 2000;
    alter role ${QUOTED} in database ${db.name} set log_min_duration_statement = '1.5s'`);
  const project = await makeProject({}, { env: db.env });
  const report = await project.report('slow-log');
  expect(report).toMatchObject({ exitCode: 0, checks: [{ id: 'slow-query-log', status: 'passed' }] });
  // The owner's session has the value of the database, which hides that of the server from all but superusers.
  expect(report.data.server).toBeNull();
  expect(report.data.roles).toEqual(
    expect.arrayContaining([
      { role: 'app_owner', threshold: 2000, from: 'database', sessions: 0 },
      { role: ROLE, threshold: 1500, from: 'role in this database', sessions: 0 },
    ]),
  );
  expect((await (await asSuperuser(db)).report('slow-log')).data.server).toBe(-1);
});

test('says which roles are not logged at all', async ({ db }) => {
  const report = await (await makeProject({}, { env: db.env })).report('slow-log');
  expect(report.findings).toContainEqual(
    expect.objectContaining({ severity: 'info', object: 'role app_owner', check: 'slow-query-log' }),
  );
});

test('a dry run shows the statement and changes nothing', async ({ db }) => {
  const report = await (await asSuperuser(db)).report('slow-log', 'set', '100ms', '--dry-run');
  expect(report).toMatchObject({
    exitCode: 0,
    data: { outcome: 'would change', before: null, after: 100 },
  });
  expect(await thresholdOf(db)).toBe('-1');
});

test('sets it for the database, for new sessions; again is nothing to do; reset takes it away', async ({ db }) => {
  const open = await db.connect();
  const project = await asSuperuser(db);
  expect((await project.report('slow-log', 'set', '100ms', '--yes')).data.outcome).toBe('changed');
  expect(await thresholdOf(db)).toBe('100ms');
  const { rows } = await open.query('show log_min_duration_statement');
  expect(rows[0].log_min_duration_statement).toBe('-1');
  const again = await project.report('slow-log', 'set', '100ms', '--yes');
  expect(again.data.outcome).toBe('nothing to do');
  expect((await project.report('slow-log', 'reset', '--yes')).data.outcome).toBe('changed');
  expect(await thresholdOf(db)).toBe('-1');
});

test('sets it for one role, in this database or in all, and names roles with a stronger value', async ({
  db,
  maintenance,
}) => {
  await withRole(maintenance);
  const project = await asSuperuser(db);
  const all = await project.report('slow-log', 'set', '1s', '--role', ROLE, '--all-databases', '--yes');
  expect(all.data.outcome).toBe('changed');
  await project.report('slow-log', 'set', 'off', '--role', ROLE, '--yes');
  const rows = await db.superQuery(
    `
    select setdatabase <> 0 as here, setconfig from pg_db_role_setting
    where setrole = (select oid from pg_roles where rolname = $1) order by 1`,
    [ROLE],
  );
  expect(rows).toEqual([
    { here: false, setconfig: ['log_min_duration_statement=1000ms'] },
    { here: true, setconfig: ['log_min_duration_statement=-1'] },
  ]);
  const { stderr } = await project.run('slow-log', 'set', '5s', '--yes');
  expect(stderr).toContain(`not for ${ROLE}: its own value is stronger, off (role in this database)`);
});

test('is not confirmed by silence', async ({ db }) => {
  const result = await (await asSuperuser(db)).run('slow-log', 'set', '100ms');
  expect([result.code, result.stderr]).toEqual([3, expect.stringContaining('was not confirmed')]);
  expect(await thresholdOf(db)).toBe('-1');
});

test('a role that may not is told what lets it, and that very statement does', async ({ db, maintenance }) => {
  const project = await makeProject({}, { env: db.env });
  const refused = await project.report('slow-log', 'set', '100ms', '--yes');
  expect(refused).toMatchObject({
    exitCode: 1,
    checks: [{ id: 'slow-log-set', status: 'failed' }],
    findings: [{ severity: 'warning', object: `database ${db.name}` }],
    data: { outcome: 'refused' },
  });
  expect(refused.findings[0].message).toContain('permission denied');
  const { remediation } = refused.findings[0];
  if (testServer().versionNumber < 150_000) {
    expect(remediation).toMatch(/^A superuser has to run it: alter database/);
    return;
  }
  const [grant] = /grant set on parameter .*;/.exec(remediation)!;
  await db.superQuery(grant);
  const revoke = 'revoke set on parameter log_min_duration_statement from app_owner';
  onTestFinished(async () => void (await maintenance.query(revoke)));
  expect((await project.report('slow-log', 'set', '100ms', '--yes')).data.outcome).toBe('changed');
  expect(await thresholdOf(db)).toBe('100ms');
});

test('sets it for the server, where the open session without a value of its own has it at once', async ({ db }) => {
  const open = await db.connect();
  const project = await asSuperuser(db);
  const owner = await (await makeProject({}, { env: db.env })).report('slow-log', 'set', '30s', '--server', '--yes');
  expect(owner).toMatchObject({ exitCode: 1, data: { outcome: 'refused' } });
  const report = await project.report('slow-log', 'set', '30s', '--server', '--yes');
  expect(report.data).toMatchObject({ outcome: 'changed', server: 30_000 });
  await expect
    .poll(async () => (await open.query('show log_min_duration_statement')).rows[0].log_min_duration_statement)
    .toBe('30s');
  expect((await project.report('slow-log', 'reset', '--server', '--yes')).data.server).toBe(-1);
});

test('an unknown role, threshold or action is refused before anything is done', async ({ db }) => {
  const project = await asSuperuser(db);
  const run = async (...args: string[]) => {
    const { code, stderr } = await project.run('slow-log', ...args);
    return [code, /error: (.*)/.exec(stderr)?.[1]];
  };
  expect(await run('set', '1s', '--role', 'nobody "at" all')).toEqual([2, 'there is no role "nobody "at" all"']);
  expect(await run('set', 'soon')).toEqual([2, 'the threshold "soon" is not a duration']);
  expect(await run('set')).toEqual([2, 'slow-log set needs a threshold']);
  expect(await run('sett', '1s')).toEqual([2, 'slow-log cannot "sett"']);
});
