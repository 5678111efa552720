/** @module-tag since-13 */

import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

const configured = (maintenance: object) => ({ 'aisha-db.config.json': JSON.stringify({ maintenance }) });

/** Only the tasks that are asked for: what a fresh server cannot answer yet is not the question here. */
async function projectWith(db: TestDatabase, maintenance: object, env: Record<string, string> = {}): Promise<Project> {
  await db.query(`
    create table "Röws %" (id int primary key, word text) with (autovacuum_enabled = false);
    insert into "Röws %" select n, md5(n::text) from generate_series(1, 60000) n;
    create index "word of %" on "Röws %" (word);
    delete from "Röws %" where id % 10 <> 0
  `);
  await expect
    .poll(() => db.query<{ dead: string }>(`select pg_stat_get_dead_tuples('"Röws %"'::regclass) as dead`), {
      timeout: 10_000,
    })
    .toEqual([{ dead: '54000' }]);
  return makeProject(configured({ reindex: { wastedMb: 1 }, ...maintenance }), { env: { ...db.env, ...env } });
}

const MONTHLY = {
  routines: { monthly: ['vacuum', 'analyze', 'reindex', 'missing-primary-key', 'disk'], weekly: ['errors'] },
};

test('a routine works, asks, and records what it did; the next one compares with it', { tags: ['each-build'] }, async ({
  db,
}) => {
  const project = await projectWith(db, MONTHLY);
  const dry = await project.run('maintain', 'monthly', '--dry-run', '--unknown-as', 'info');
  expect(dry.stdout).toContain('vacuum (analyze) public."Röws %"');
  expect(dry.stdout).toMatch(/disk +Disk and growth: database-size, retained-wal/);
  expect(await db.superQuery("select to_regclass('aisha_db.maintenance_runs') as made")).toEqual([{ made: null }]);

  const first = await project.report('maintain', 'monthly');
  expect(first).toMatchObject({ exitCode: 0, findings: [], data: { routine: 'monthly' } });
  expect(first.data.tasks.map(({ task, state }: { task: string; state: string }) => `${task} ${state}`)).toEqual([
    'vacuum done',
    'analyze done',
    'reindex done',
    'missing-primary-key done',
    'disk done',
  ]);
  expect(first.data.statements).toContainEqual(
    expect.objectContaining({ kind: 'reindex', object: 'public."word of %"', state: 'done' }),
  );
  expect(first.checks.map(({ id }: { id: string }) => id)).toContain('missing-primary-key');

  await db.query('create table grown as select n, md5(n::text) as word from generate_series(1, 50000) n');
  // The counters come a moment later, before 15 by way of the statistics collector.
  await expect
    .poll(() => db.superQuery(`select pg_catalog.pg_stat_get_live_tuples('grown'::regclass)::text as live`), {
      timeout: 10_000,
    })
    .toEqual([{ live: '50000' }]);
  const second = await project.run('maintain', 'monthly', '--unknown-as', 'info');
  expect(second.stdout).toMatch(/Growth since \d{4}-/);
  expect(second.stdout).toMatch(/public\.grown +\S+ MB +\S+ MB/);

  const history = await project.report('maintain', '--history');
  expect(history.data.runs).toMatchObject([
    { command: 'maintain monthly', outcome: 'done' },
    { command: 'maintain monthly', outcome: 'done', measures: { databaseBytes: expect.any(Number) } },
  ]);
  const rebuilt = history.data.runs[1].tasks.find(({ object }: { object: string }) => object === 'public."word of %"');
  expect(rebuilt.bytesBefore).toBeGreaterThan(3 * rebuilt.bytesAfter);
  const page = await project.run('maintain', '--history', '--format', 'html');
  expect(page.stdout).toContain('Size of the database and of its largest tables');
});

test('with --quiet cron gets one summary and nothing on stderr; the metrics are a whole file', async ({ db }) => {
  const project = await projectWith(db, MONTHLY);
  const run = await project.run('maintain', 'monthly', '--quiet');
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(run.stdout.trim().split('\n')).toEqual([
    'maintain monthly: 5 tasks, 3 statements done, 0 findings.',
    '',
    expect.stringMatching(/^\d+ checks: \d+ passed$/),
  ]);
  const metrics = await project.run('maintain', 'weekly', '--quiet', '--format', 'prometheus', '--output', 'a.prom');
  expect(metrics).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await readFile(join(project.dir, 'a.prom'), 'utf8')).toMatch(/^# HELP aisha_db_[\s\S]*\n$/);
  expect((await readdir(project.dir)).filter((name) => name.includes('a.prom'))).toEqual(['a.prom']);
});

test('a routine that its window stopped is gone on with by the next run, or by resume', async ({ db }) => {
  const project = await projectWith(db, MONTHLY);
  expect((await project.run('maintain', 'resume')).stdout).toContain('No routine was left unfinished');
  const stopped = await project.report('maintain', 'monthly', '--max-duration', '1ms');
  expect(stopped.data.statements[0]).toMatchObject({ state: 'left', reason: 'the time is over (for 1 ms)' });
  expect(stopped.text).toBeUndefined();
  const resumed = await project.report('maintain', 'resume');
  expect(resumed.data.statements[0]).toMatchObject({ kind: 'vacuum', state: 'done' });
  const { data } = await project.report('maintain', '--history');
  expect(data.runs.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['done', 'stopped']);
});

test('a role that may not make the record still maintains what is its own, and is told', async ({ db }) => {
  const project = await projectWith(db, MONTHLY);
  await db.superQuery(
    `create role limited_${db.name} login password 'p'; alter table "Röws %" owner to limited_${db.name}`,
  );
  try {
    const url = db.url.replace(/\/\/[^@]+@/, `//limited_${db.name}:p@`);
    const run = await project.run('vacuum', '--database-url', url);
    expect(run.stderr).toContain('this run is not recorded: permission denied for database');
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 done') });
  } finally {
    await db.superQuery(`drop owned by limited_${db.name}; drop role limited_${db.name}`);
  }
});

test('a role as on Supabase, without what shows other sessions and statements: the routines do what is its own, and name the rest', async ({
  db,
}) => {
  const project = await projectWith(db, {});
  const role = `"owner %_${db.name}"`;
  await db.superQuery(`
    create role ${role} login password 'p'; grant create on database ${db.name} to ${role};
    create table "not mine %" (id int) with (autovacuum_enabled = false);
    insert into "not mine %" select generate_series(1, 20000);
    alter table "Röws %" owner to ${role}`);
  await expect
    // By the session that wrote: before PostgreSQL 15 it tells its counters with a later statement.
    .poll(() => db.superQuery(`select pg_stat_get_live_tuples('"not mine %"'::regclass) as live`), { timeout: 10_000 })
    .toEqual([{ live: '20000' }]);
  try {
    const url = db.url.replace(/\/\/[^@]+@/, `//${encodeURIComponent(`owner %_${db.name}`)}:p@`);
    const monthly = await project.report('maintain', 'monthly', '--unknown-as', 'info', '--database-url', url);
    expect(monthly.data.statements).toContainEqual(
      expect.objectContaining({ object: 'public."Röws %"', state: 'done', kind: 'vacuum' }),
    );
    expect(monthly.data.statements).toContainEqual(
      expect.objectContaining({
        object: 'public."not mine %"',
        state: 'skipped',
        reason: expect.stringMatching(/^it belongs to \w+, and owner %/),
      }),
    );
    expect(monthly.error).toBeUndefined();
    const weekly = await project.report('maintain', 'weekly', '--unknown-as', 'info', '--database-url', url);
    expect(weekly.error).toBeUndefined();
    const unknown = weekly.checks.filter(({ status }: { status: string }) => status === 'unknown');
    expect(unknown.map(({ id }: { id: string }) => id)).toContain('slow-query');
    for (const { id, reason } of unknown) expect(reason, id).toMatch(/\w/);
    const strict = await project.run('maintain', 'weekly', '--database-url', url);
    expect(strict.code).toBe(1);
  } finally {
    await db.superQuery(`drop owned by ${role} cascade; drop role ${role}`);
  }
});

test('a routine or a task that is not known is refused before anything is done', async ({ db }) => {
  const project = await makeProject(configured({ routines: { weekly: ['vacum', 'connections'] } }), { env: db.env });
  const task = await project.run('maintain', 'weekly');
  expect(task).toMatchObject({ code: 2, stderr: expect.stringContaining('no task, check or category "vacum"') });
  expect(task.stderr).toContain('Did you mean vacuum?');
  const routine = await project.run('maintain', 'montly');
  expect(routine).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean monthly?') });
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers with these codes in turn, then with 200. */
async function receiver(...codes: number[]): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(codes.shift() ?? 200).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/top-secret-path`, received };
}

const withHook = (url: string) => ({
  routines: { weekly: ['missing-primary-key'], monthly: ['disk'] },
  webhook: { url, secretFrom: 'HOOK_KEY', severity: 'info' },
});

test('findings are posted once, signed, and again when the receiver was busy', async ({ db }) => {
  const { url, received } = await receiver(503);
  const project = await projectWith(db, withHook(url), { HOOK_KEY: 'a long key' });
  await db.query('create table "No ""key" (id int)');
  const report = await project.report('maintain', 'weekly');
  expect(report.exitCode).toBe(1);
  expect(received).toHaveLength(2);
  const [first, second] = received as [Received, Received];
  expect(second.headers['x-aisha-db-delivery']).toBe(first.headers['x-aisha-db-delivery']);
  const [, at, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(second.headers['x-aisha-db-signature']))!;
  expect(signature).toBe(createHmac('sha256', 'a long key').update(`${at}.${second.body}`).digest('hex'));
  expect(JSON.parse(second.body)).toMatchObject({
    schema: 'aisha-db/webhook@1',
    command: 'maintain weekly',
    target: { database: db.name },
    findings: [{ check: 'missing-primary-key', object: 'public."No ""key"' }],
  });
  await project.run('maintain', 'monthly', '--unknown-as', 'info');
  expect(received).toHaveLength(2);
});

test('a receiver that refuses is an undecided check, without its path; a missing key is told before the run', async ({
  db,
}) => {
  const { url, received } = await receiver(410);
  const project = await projectWith(db, withHook(url));
  await db.query('create table "No ""key" (id int)');
  const keyless = await project.run('maintain', 'weekly');
  expect(keyless).toMatchObject({ code: 2, stderr: expect.stringContaining('HOOK_KEY is not set') });
  await project.write({ '.env': 'HOOK_KEY=a long key\n' });
  const refused = await project.run('maintain', 'weekly', '--fail-on', 'critical', '--unknown-as', 'critical');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('did not take the message: it answered 410');
  expect(refused.stdout + refused.stderr).not.toContain('top-secret-path');
  expect(received).toHaveLength(1);
});
