/** @module-tag since-15 */
import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { expect, test } from '../support/database.ts';
import { makeProject, objectsOf } from './project.ts';

const CHECK = `-- Title: Tables are blue\n-- Category: schema\n-- Severity: warning\n-- Message: {object} is not
-- Remediation: drop table {object};\n-- Why: test\n-- Manual: none\n\nselect format('%I.%I', nspname, relname) as object
from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and relname like 'red%'
and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])`;
const WAIT = { timeout: 20_000 };
const FIXTURE = `-- Expects:\n-- - warning public.red\n-- - warning public."Pink %"\n
-- [look-alike]\ncreate table redwood (id int);\n
-- [bad]\ncreate table red (id int);\ncreate table "Pink %" (id int);\n`;

test('every check tells its defect from the look-alike, here or on a private server, and nothing remains', async ({
  db,
}) => {
  // What is there already, of the same names, is neither in the way nor looked at.
  await db.query(`
    create table public.users (unlike text); create table public.red (id int); create schema "Old Stock";
    create index on public.red (id); create index on public.red (id)
  `);
  const before = await objectsOf(db);
  const project = await makeProject({}, { env: db.env, timeoutMs: 240_000 });
  const { checks, findings, exitCode } = await project.report('diagnose', '--self-test');
  expect(findings).toEqual([]);
  // The schema of that fixture is taken: it says so.
  const undecided = checks.filter(({ status }: { status: string }) => status === 'unknown');
  expect(undecided).toMatchObject([
    { id: 'missing-primary-key', reason: expect.stringContaining('"Old Stock" already exists') },
  ]);
  expect(exitCode).toBe(1);
  const passed = checks
    .filter(({ status }: { status: string }) => status === 'passed')
    .map(({ id }: { id: string }) => id);
  const all = new Set(loadDefinitions().map(({ id }) => id));
  expect([...passed, 'missing-primary-key'].sort()).toEqual([...all].sort());
  expect(await objectsOf(db)).toEqual(before);
}, 250_000);

test('a check that misses a defect, or takes something else for one, is critical', async ({ db }) => {
  const project = await makeProject(
    {
      'aisha-db.config.json': '{ "diagnostics": { "checksDir": "checks" } }',
      'checks/blue.sql': CHECK,
      'checks/fixtures/blue.sql': FIXTURE,
    },
    { env: db.env },
  );
  const { findings, exitCode, checks } = await project.report('diagnose', '--self-test', 'blue', 'lost-account');
  expect(exitCode).toBe(1);
  expect(checks.map(({ id, status }: Record<string, string>) => `${id} ${status}`)).toEqual([
    'blue failed',
    'lost-account passed',
  ]);
  const messages = findings.map(({ severity, message }: Record<string, string>) => `${severity} ${message}`);
  expect(messages).toEqual([
    expect.stringMatching(/^critical misses what was planted: warning aisha_db_self_test_\w+\."Pink %"$/),
    expect.stringMatching(/^critical takes for a defect what is none: warning aisha_db_self_test_\w+\.redwood$/),
  ]);
});

test('on the private server too a check that misses a defect, or takes something else for one, is critical', async ({
  db,
}) => {
  const project = await makeProject(
    {
      'aisha-db.config.json': '{ "diagnostics": { "checksDir": "checks" } }',
      'checks/blue.sql': CHECK,
      'checks/fixtures/blue.sql': `-- Self-Test: no, it is vacuumed\n${FIXTURE}vacuum public.red;\n`,
    },
    { env: db.env },
  );
  const { findings, exitCode } = await project.report('diagnose', '--self-test', 'blue');
  expect(exitCode).toBe(1);
  expect(findings.map(({ severity, message }: Record<string, string>) => `${severity} ${message}`)).toEqual([
    'critical misses what was planted: warning public."Pink %"',
    'critical takes for a defect what is none: warning public.redwood',
  ]);
  const { stdout } = await project.run('diagnose', '--self-test', 'blue');
  expect(stdout).toMatch(/1 of them was tested on a private server of PostgreSQL \d+/);
});

test('a fixture cannot end the transaction in which it is planted', async ({ db }) => {
  const endings = ['commit', 'rollback', "prepare transaction 'outlives'", 'do $$ begin commit; end $$', 'vacuum'];
  const files = endings.flatMap((ending, number) => [
    [`checks/blue${number}.sql`, CHECK],
    [`checks/fixtures/blue${number}.sql`, `${FIXTURE}${ending};\n`],
  ]);
  const project = await makeProject(
    { 'aisha-db.config.json': '{ "diagnostics": { "checksDir": "checks" } }', ...Object.fromEntries(files) },
    { env: db.env },
  );
  const before = await objectsOf(db);
  const { checks } = await project.report('diagnose', '--self-test', ...endings.map((_, number) => `blue${number}`));
  expect(checks.map(({ status }: { status: string }) => status)).toEqual(endings.map(() => 'unknown'));
  expect(await objectsOf(db)).toEqual(before);
  expect(await db.superQuery('select from pg_prepared_xacts where database = current_database()')).toEqual([]);
});

test.for(['SIGINT', 'SIGKILL'] as const)('nothing remains after %s in the middle of it', async (signal, { db }) => {
  const sleeper = CHECK.replace(/select format.*/s, "select pg_sleep(60)::text as object, 'self-test sleeps' as mark");
  const project = await makeProject(
    {
      'aisha-db.config.json': '{ "diagnostics": { "checksDir": "checks", "timeout": "3s" } }',
      'checks/blue.sql': sleeper,
      'checks/fixtures/blue.sql': FIXTURE,
    },
    { env: db.env },
  );
  const before = await objectsOf(db);
  const working = `select from pg_stat_activity where datname = current_database() and application_name = 'aisha-db diagnose'`;
  const run = project.start('diagnose', '--self-test', 'blue');
  await expect.poll(() => db.superQuery(`${working} and query like '%self-test sleeps%'`), WAIT).toHaveLength(1);
  run.kill(signal);
  const { code, stderr } = await run.done;
  if (signal === 'SIGINT')
    expect([code, stderr]).toEqual([130, expect.stringContaining('nothing of the self-test remains')]);
  // The server notices when its statement ends.
  await expect.poll(() => db.superQuery(working), WAIT).toHaveLength(0);
  expect(await objectsOf(db)).toEqual(before);
});

test('a role that may not plant gets unknown with the grant', async ({ db }) => {
  const project = await makeProject({}, { env: { DATABASE_URL: db.readerUrl } });
  const { checks, exitCode } = await project.report('diagnose', '--self-test', 'duplicate-index');
  expect(exitCode).toBe(1);
  expect(checks).toMatchObject([
    { status: 'unknown', remediation: `grant create on database "${db.name}" to "app_reader";` },
  ]);
});
