/** @module-tag since-13 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../src/postgres/free-port.ts';
import { startScratchServer } from '../../src/postgres/scratch-server.ts';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { pgbouncerMissing, startPgBouncer } from '../support/pgbouncer.ts';

/** The report of doctor, and the answers that are wrong. */
async function doctor(url: string | undefined, ...args: string[]) {
  const project = await makeProject({}, { env: url === undefined ? {} : { DATABASE_URL: url } });
  const report = await project.report('doctor', ...args);
  const answers: Record<string, { status: string; answer: string; advice?: string }> = Object.fromEntries(
    report.data.answers.map((answer: { id: string }) => [answer.id, answer]),
  );
  const ofStatus = (status: string) => Object.keys(answers).filter((id) => answers[id]?.status === status);
  return { exitCode: report.exitCode, answers, bad: ofStatus('bad'), skipped: ofStatus('skipped'), ok: ofStatus('ok') };
}

function changed(db: TestDatabase, change: (url: URL) => void): string {
  const url = new URL(db.url);
  change(url);
  return url.href;
}

test('a database that works: every question is asked and answered', async ({ db }) => {
  await db.query('create table contacts (id int)');
  const { answers, exitCode, skipped, bad } = await doctor(db.url, '--fail-on', 'critical');
  expect(skipped).toEqual([]);
  expect(bad.filter((id) => !['extensions', 'privileges'].includes(id))).toEqual([]);
  expect(exitCode).toBe(0);
  expect(answers['target']?.answer).toContain('a LOCAL server of this machine: 127.0.0.1:');
  expect(answers['database']?.answer).toContain('1 tables, ');
  expect(answers['pooler']?.answer).toBe('direct');
  expect(answers['privileges']).toMatchObject({ answer: expect.stringContaining('app_owner is no superuser') });
  expect(answers['ledger']?.answer).toContain('there is none yet');
  expect(answers['tools']?.answer).toMatch(/^pg_dump \d+\S* for PostgreSQL \d+, in \//);
});

test('tools and disk are those of a backup', async ({ db }) => {
  const config = JSON.stringify({ backup: { store: 'a store', binDir: 'nothing' } });
  const project = await makeProject({ 'aisha-db.config.json': config, 'nothing/': '' }, { env: db.env });
  const report = await project.report('doctor');
  const answerTo = (id: string) => report.data.answers.find((answer: { id: string }) => answer.id === id);
  expect(answerTo('tools')).toMatchObject({
    status: 'bad',
    answer: expect.stringContaining('nothing holds no pg_dump'),
  });
  expect(answerTo('disk').answer).toContain(join(project.dir, 'a store'));
});

test('no database is named: the ways to name one', async () => {
  const { answers, exitCode, bad, ok } = await doctor(undefined);
  expect([exitCode, bad, ok]).toEqual([2, ['target'], []]);
  expect(answers['target']?.advice).toContain('--database-url postgres://');
});

test('an unknown host is a question of DNS', async ({ db }) => {
  const { answers, exitCode, bad, skipped } = await doctor(changed(db, (url) => (url.hostname = 'nowhere.invalid')));
  expect([exitCode, bad, skipped.length]).toEqual([3, ['dns'], 13]);
  expect(answers['dns']?.answer).toContain('host "nowhere.invalid" cannot be found');
});

test('a wrong port: nothing listens there, and the host is not to blame', async ({ db }) => {
  const port = await freePort();
  const { answers, exitCode, bad, ok } = await doctor(changed(db, (url) => (url.port = String(port))));
  expect([exitCode, bad, ok]).toEqual([3, ['tcp'], ['target', 'dns']]);
  expect(answers['tcp']?.answer).toBe(`nothing listens at 127.0.0.1:${port}`);
});

test('a wrong password is a question of the log-in, and is not shown', async ({ db }) => {
  const wrong = changed(db, (url) => (url.password = 'geheim-geheim'));
  const { answers, exitCode, bad } = await doctor(wrong);
  expect([exitCode, bad]).toEqual([3, ['login']]);
  expect(answers['login']?.answer).toContain('wrong password for user "app_owner"');
  expect(JSON.stringify(answers)).not.toContain('geheim');
});

test('a database that does not exist, after a log-in that is right', async ({ db }) => {
  const { answers, exitCode, bad, ok } = await doctor(changed(db, (url) => (url.pathname = '/no such')));
  expect([exitCode, bad]).toEqual([3, ['database']]);
  expect(ok).toEqual(['target', 'dns', 'tcp', 'tls', 'login']);
  expect(answers['database']?.advice).toContain('On Supabase it is called postgres');
});

test('TLS that the server does not offer, and TLS that it demands', async ({ db }) => {
  const offered = await doctor(changed(db, (url) => url.searchParams.set('sslmode', 'require')));
  expect([offered.exitCode, offered.bad]).toEqual([3, ['tls']]);
  expect(offered.answers['tls']?.answer).toContain('offers no TLS and sslmode is require');

  const server = await startScratchServer();
  try {
    const rules = join(server.dataDir, 'pg_hba.conf');
    writeFileSync(rules, `hostnossl all tls_only all reject\n${readFileSync(rules, 'utf8')}`);
    const client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query("create role tls_only login password 'x'; select pg_reload_conf()");
    await client.end();
    const url = `postgres://tls_only:x@${server.host}:${server.port}/postgres?sslmode=disable`;
    await expect.poll(async () => (await doctor(url)).bad, { timeout: 20_000 }).toEqual(['tls']);
  } finally {
    await server.stop();
  }
});

test('an empty database is a warning: it may not be the one that is meant', async ({ db }) => {
  const { answers, exitCode, bad } = await doctor(db.url);
  expect(bad).toContain('database');
  expect(exitCode).toBe(1);
  expect(answers['database']?.advice).toContain('It is a local one: the data of production is on Supabase.');
});

test('PgBouncer in between: in transaction mode it is wrong, in session mode it is not', async ({ db, skip }) => {
  skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
  for (const [mode, status] of [
    ['transaction', 'bad'],
    ['session', 'ok'],
  ] as const) {
    const pooler = await startPgBouncer({ mode });
    try {
      const { answers } = await doctor(pooler.through(db.url));
      expect(answers['pooler']).toMatchObject({ status, answer: expect.stringContaining('pooler') });
    } finally {
      await pooler.stop();
    }
  }
});

test('a ledger that is broken: no ledger at all, one of an interrupted run, one that cannot be read', async ({
  db,
}) => {
  await db.query('create schema aisha_db; create table aisha_db.migrations (id int)');
  const ledger = async () => (await doctor(db.url)).answers['ledger'];
  expect(await ledger()).toMatchObject({
    status: 'bad',
    answer: 'aisha_db.migrations exists and is no ledger of aisha-db',
  });
  await db.query('drop schema aisha_db cascade');

  const project = await makeProject({ 'sql/001_a.sql': 'create table a (id int)' }, db);
  expect((await project.run('migrate')).code).toBe(0);
  expect(await ledger()).toMatchObject({ status: 'ok', answer: 'aisha_db.migrations: 1 files, all of them done' });
  await db.query("update aisha_db.migrations set state = 'interrupted'");
  expect(await ledger()).toMatchObject({ status: 'bad', answer: expect.stringContaining('001_a.sql (interrupted)') });

  await db.query('alter schema aisha_db owner to app_owner; revoke all on aisha_db.migrations from app_owner');
  expect(await ledger()).toMatchObject({
    status: 'bad',
    answer: 'the role may not read the ledger aisha_db.migrations',
  });
});

test('for people: questions with answers, what is wrong with what to do, within 80 columns where it can be', async ({
  db,
}) => {
  const { stdout } = await (await makeProject({}, db)).run('doctor');
  expect(stdout).toContain('Is it a connection of its own, or a pooler?');
  expect(stdout).toMatch(/fix: .*Check that it is the one you mean/);
});
