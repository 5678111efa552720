import { join } from 'node:path';
import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { askDatabase } from '../../src/troubleshoot/ask.ts';
import { loadEntries } from '../../src/troubleshoot/load.ts';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { runCli } from '../support/run.ts';

/** The answers to the questions of the first entry that is found. */
async function ask(db: TestDatabase, ...args: string[]) {
  const report = await (await makeProject({}, db)).report('troubleshoot', ...args);
  const [error] = report.data.errors;
  const answers = Object.fromEntries(
    error.entries[0].checks.map((check: { question: string }) => [check.question, check]),
  );
  return { report, entry: error.entries[0], answers };
}

test('a table that does not exist: whether it is there, in which schema, and which database was asked', async ({
  db,
}) => {
  await db.query('create schema "Other schema"; create table "Other schema"."Contacts" (id int)');
  const { entry, answers, report } = await ask(db, 'ERROR: relation "contacts" does not exist');
  expect(entry.id).toBe('relation-does-not-exist');
  expect(answers['Is there such a table, and in which schema?']).toMatchObject({
    status: 'some',
    rows: [['Other schema.Contacts', 'table', 'false']],
  });
  expect(answers['Which database answers here?'].rows[0]).toContain(db.name);
  expect(report.exitCode).toBe(0);
  const none = await ask(db, `relation "it's <gone> %" does not exist`);
  expect(none.answers['Is there such a table, and in which schema?']).toMatchObject({ status: 'none' });
});

test('a duplicate key: what it is on, and who has it, also on an expression', async ({ db }) => {
  await db.query(`
    create table "Odd users" (id int primary key, email text, tenant_id int);
    create unique index users_email on "Odd users" (lower(email), tenant_id);
    insert into "Odd users" values (7, 'O''Brien@x.com', 1)
  `);
  const failure = await db.query("insert into \"Odd users\" values (8, 'o''brien@X.com', 1)").catch((error) => error);
  const { answers } = await ask(db, `ERROR: ${failure.message}\nDETAIL: ${failure.detail}`);
  expect(answers['Which unique keys does it mean?'].rows[0][1]).toContain('(lower(email), tenant_id)');
  expect(answers['Who has the key?']).toMatchObject({ status: 'some', rows: [['"Odd users"', '7', '1']] });
});

test('what a message says is a value to the database, never SQL', async ({ db }) => {
  await db.query('create table t (a int, constraint "c" unique (a))');
  const evil = `duplicate key value violates unique constraint "c"\nDETAIL: Key (a)=(1'); drop table t; --) already exists.`;
  const { answers } = await ask(db, evil);
  expect(answers['Who has the key?']).toMatchObject({ status: 'none' });
  expect(await db.query("select to_regclass('t') is not null as there")).toEqual([{ there: true }]);
});

test('a missing right: owner, row-level security, rights and policies', async ({ db }) => {
  await db.query(`
    create table contacts (id int);
    alter table contacts enable row level security;
    create policy mine on contacts for select to authenticated using (id = 1);
    grant select on contacts to anon
  `);
  const { answers } = await ask(db, 'permission denied for table contacts');
  const rights = answers['Who may do what with it, and is row-level security on?'].rows;
  expect(rights).toContainEqual(['public.contacts', 'app_owner', 'on', '1', 'anon', 'SELECT']);
  expect(answers['Which policies does it have?'].rows[0].slice(0, 4)).toEqual([
    'public.contacts',
    'mine',
    'SELECT',
    '{authenticated}',
  ]);
});

test('a lock that was not given: who holds it now', async ({ db }) => {
  await db.query('create table t (a int)');
  const holder = await db.connect();
  await holder.query('begin; lock table t');
  const waiter = await db.connect();
  const waiting = waiter.query('select from t');
  const blocked =
    'select from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0 and datname = current_database()';
  await expect.poll(async () => (await db.superQuery(blocked)).length, { timeout: 20_000 }).toBe(1);
  const { answers } = await ask(db, '55P03');
  expect(answers['Who holds what others wait for?'].rows.flat().join()).toContain('lock table t');
  await holder.query('rollback');
  await waiting;
});

test('every question of the catalogue can be put to a server', async ({ db }) => {
  const session = await Session.open(resolveTarget({ databaseUrl: db.url, env: {} }), { applicationName: 'test' });
  try {
    for (const { id, checks } of loadEntries()) {
      for (const check of checks) {
        const named = Object.fromEntries(check.parameters.map((name) => [name, `no such "${name}' %`]));
        const answer = await askDatabase(session, check, named);
        expect(answer, `${id}: ${check.question}`).toMatchObject({ status: expect.stringMatching(/^(some|none)$/) });
      }
    }
  } finally {
    await session.close();
  }
});

test('a log: the errors by frequency, those that nobody knows as findings; no database is needed', async () => {
  const log = join(import.meta.dirname, 'fixtures/server-log.txt');
  const project = await makeProject({});
  const report = await project.report('troubleshoot', '--log', log, '--offline');
  expect(
    report.data.errors.map(({ count, entries }: { count: number; entries: { id: string }[] }) => [
      count,
      entries[0]?.id,
    ]),
  ).toEqual([
    [2, 'relation-does-not-exist'],
    [1, 'duplicate-key'],
    [1, 'wrong-password'],
  ]);
  expect(report.exitCode).toBe(0);
  const unknown = await project.run('troubleshoot', 'ERROR: the flux capacitor is empty');
  expect([unknown.code, unknown.stdout]).toEqual([
    1,
    expect.stringContaining('the catalogue does not have this error'),
  ]);
});

test('an error from stdin, without a database: causes and what to do, and why nothing was asked', async () => {
  const { dir } = await makeProject({});
  const input = 'psql:fix.sql:3: ERROR:  deadlock detected\nDETAIL:  Process 1 waits\n';
  const run = await runCli(['troubleshoot', '-'], { cwd: dir, input });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain('Two transactions wait for each other (SQLSTATE 40P01; deadlock)');
  expect(run.stdout).toContain('Who waits for whom now? not asked: no database is named (aisha-db doctor says more)');
  expect(run.stdout).toContain('What to do:\n  1. Run the transaction again');
  const nothing = await runCli(['troubleshoot'], { cwd: dir });
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no error was given')]);
});
