/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { EXIT } from '../../src/errors.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { type RunResult, runCli } from '../support/run.ts';
import { advisoryLocks, makeProject, objectsOf, type Project } from './project.ts';

type Code = keyof typeof EXIT;

interface Situation {
  /** A run that ends with this code. */
  reach(project: Project, db: TestDatabase): Promise<RunResult>;
  readonly files?: Readonly<Record<string, string>>;
}

const JSON_REPORT = ['--format', 'json'];

/** A table that its tenants see their own rows of, and no others. */
const ISOLATED = `create table a (id int, tenant_id uuid); grant select on a to authenticated;
  alter table a enable row level security, force row level security;
  create policy own on a using (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);`;

/** Throws where nobody waits for it, while the program waits for the server. */
const THROWS = `data:text/javascript,${encodeURIComponent('setTimeout(() => { throw new TypeError("nobody foresaw this") }, 1500)')}`;

const SITUATIONS: Record<Code, Situation> = {
  ok: { reach: (project) => project.run('migrate', ...JSON_REPORT) },
  findings: { reach: (project) => project.run('status', '--check', ...JSON_REPORT) },
  usage: { reach: (project) => project.run('migrate', '--dir', 'nowhere', ...JSON_REPORT) },
  connection: {
    reach: (project) => project.run('migrate', '--database-url', 'postgres://u@127.0.0.1:1/d', ...JSON_REPORT),
  },
  plan: { files: { 'sql/002_b.sql': 'selec' }, reach: (project) => project.run('migrate', ...JSON_REPORT) },
  changed: {
    reach: async (project) => {
      await project.run('migrate');
      await project.write({ 'sql/001_a.sql': 'create table a (id bigint)' });
      return project.run('migrate', ...JSON_REPORT);
    },
  },
  lock: {
    files: { 'sql/002_b.sql': 'alter table a add b int' },
    reach: async (project, db) => {
      await project.run('migrate', '--to', '1');
      const other = await db.connect();
      await other.query('begin; lock table a in access share mode');
      return project.run('migrate', '--lock-timeout', '600ms', '--lock-retries', '0', ...JSON_REPORT);
    },
  },
  rolledBack: { files: { 'sql/002_b.sql': 'select 1/0' }, reach: (project) => project.run('migrate', ...JSON_REPORT) },
  partial: {
    files: { 'sql/002_b.sql': 'insert into a values (1); vacuum a; select 1/0' },
    reach: (project) => project.run('migrate', ...JSON_REPORT),
  },
  rlsGate: {
    files: { 'sql/001_a.sql': ISOLATED, 'sql/002_b.sql': 'alter table a disable row level security' },
    reach: (project) => project.run('migrate', ...JSON_REPORT),
  },
  backup: {
    files: { 'sql/002_b.sql': 'create table b ()' },
    reach: async (project, db) => {
      await project.run('migrate', '--to', '1');
      await db.superQuery('create table public.nobody_reads_it (id int)');
      return project.run('migrate', '--backup', ...JSON_REPORT);
    },
  },
  tool: {
    files: { 'sql/002_b.sql': 'create table b ()', 'aisha-db.config.json': '{ "backup": { "binDir": "nowhere" } }' },
    reach: async (project) => {
      await project.run('migrate', '--to', '1');
      return project.run('migrate', '--backup', ...JSON_REPORT);
    },
  },
  defect: {
    files: { 'sql/002_b.sql': 'create table b (); select pg_sleep(4)' },
    reach: async ({ dir }, db) => {
      const run = { cwd: dir, env: db.env, nodeArgs: ['--import', THROWS] };
      const result = await runCli(['migrate', ...JSON_REPORT], run);
      // The server notices at its next word to a client that is gone.
      await expect.poll(() => sleepers(db), { timeout: 30_000 }).toBe(0);
      await expect.poll(() => advisoryLocks(db), { timeout: 30_000 }).toBe(0);
      return result;
    },
  },
  interrupted: {
    files: { 'sql/002_b.sql': 'create table b (); select pg_sleep(60)' },
    reach: async (project, db) => {
      const run = project.start('migrate', ...JSON_REPORT);
      await expect.poll(() => sleepers(db), { timeout: 30_000 }).toBe(1);
      run.kill('SIGINT');
      return run.done;
    },
  },
};

async function sleepers(db: TestDatabase): Promise<number> {
  const rows = await db.superQuery(
    "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
  );
  return rows.length;
}

describe('each exit code of the contract is reached, and the report says the same', () => {
  for (const [name, situation] of Object.entries(SITUATIONS) as [Code, Situation][]) {
    test(`${EXIT[name]} ${name}`, async ({ db }) => {
      const project = await makeProject(
        { 'sql/001_a.sql': 'create table a (id int)', ...situation.files },
        { env: db.env, ownProcess: true },
      );
      const result = await situation.reach(project, db);
      expect(result.code, result.stderr).toBe(EXIT[name]);
      const report = result.json();
      expect(report.exitCode).toBe(EXIT[name]);
      const isFailure = name !== 'ok' && name !== 'findings';
      expect(report.status).toBe(name === 'ok' ? 'ok' : isFailure ? 'failed' : 'findings');
      expect(report.error?.code).toBe(isFailure ? name : undefined);
      if (isFailure) {
        expect(result.stderr).toContain(`error: ${report.error.message}`);
        expect(result.stderr).toContain('hint: ');
      }
      expect(await advisoryLocks(db)).toBe(0);
    });
  }
});

test('a lock that was not given names who has it, and nothing of the file remains', async ({ db }) => {
  const project = await makeProject(
    { 'sql/001_a.sql': 'create table a (id int)', 'sql/002_b.sql': 'create table b (); alter table a add b int' },
    db,
  );
  await project.run('migrate', '--to', '1');
  const other = await db.connect();
  await other.query("set application_name to 'report'; begin; select from a");
  const { code, stderr } = await project.run('migrate', '--lock-timeout', '900ms', '--lock-retries', '1');
  expect(stderr).toMatch(/002_b\.sql: canceling statement due to lock timeout; try 2 of 2 in /);
  expect(stderr).toMatch(
    /waited for pid \d+, role app_owner, application report, idle in transaction for .*select from a/,
  );
  expect(code).toBe(6);
  expect(await objectsOf(db)).not.toContain('public.b');
  await other.query('rollback');
  expect((await project.run('migrate')).code).toBe(0);
});

test.for(['SIGINT', 'SIGTERM'] as const)(
  '%s cancels the statement, rolls back and frees the lock',
  async (signal, { db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'create table a (); select pg_sleep(60)' }, db);
    const run = project.start('migrate');
    await expect.poll(() => sleepers(db), { timeout: 30_000 }).toBe(1);
    run.kill(signal);
    const { code, stderr } = await run.done;
    expect(stderr).toContain('the database is as it was before it');
    expect(code).toBe(130);
    expect(await objectsOf(db)).not.toContain('public.a');
    expect(await sleepers(db)).toBe(0);
    expect(await advisoryLocks(db)).toBe(0);
  },
);

test('--timeout ends a run like an interruption', async ({ db }) => {
  const project = await makeProject({ 'sql/001_a.sql': 'create table a (); select pg_sleep(60)' }, db);
  const { code, stderr } = await project.run('migrate', '--timeout', '3s');
  expect(stderr).toContain('3s');
  expect(code).toBe(130);
  expect(await objectsOf(db)).not.toContain('public.a');
});

test('a report can go to a file, whole, while stdout stays empty', async ({ db }) => {
  const project = await makeProject({ 'sql/001_a.sql': 'select 1/0' }, db);
  const { code, stdout } = await project.run('migrate', ...JSON_REPORT, '--output', 'report.json');
  expect(stdout).toBe('');
  const report = JSON.parse(readFileSync(join(project.dir, 'report.json'), 'utf8'));
  expect(report.exitCode).toBe(code);
  expect(report.data.migrations[0]).toMatchObject({ file: '001_a.sql', state: 'failed' });
});
