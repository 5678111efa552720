/** @module-tag since-13 */
import type pg from 'pg';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

const HOSTILE = 'public."Röws ""of"" </script> %"';
const HOSTILE_INDEX = 'public."Ïndex \'of\' %"';
const LOW = { reindex: { wastedMb: 1 } };

/** A table of which nine rows of ten are dead, with indexes that are mostly empty, and one that needs nothing. */
async function bloated(db: TestDatabase, maintenance: object = {}): Promise<Project> {
  await db.query(`
    create table ${HOSTILE} (id int primary key, word text) with (autovacuum_enabled = false);
    insert into ${HOSTILE} select n, md5(n::text) from generate_series(1, 100000) n;
    create index "Ïndex 'of' %" on ${HOSTILE} (word);
    delete from ${HOSTILE} where id % 10 <> 0;
    create table fresh (id int primary key) with (autovacuum_enabled = false)
  `);
  return makeProject(configured({ ...LOW, ...maintenance }), { env: db.env });
}

const configured = (maintenance: object, more: object = {}) => ({
  'aisha-db.config.json': JSON.stringify({ maintenance, ...more }),
});

async function sizeOf(db: TestDatabase, name: string): Promise<number> {
  const [row] = await db.query<{ size: string }>('select pg_relation_size($1::regclass) as size', [name]);
  return Number(row!.size);
}

async function deadRows(db: TestDatabase): Promise<number> {
  const [row] = await db.query<{ dead: string }>('select pg_stat_get_dead_tuples($1::regclass) as dead', [HOSTILE]);
  return Number(row!.dead);
}

/** Counters reach the views a moment after the transaction, in PostgreSQL 13 and 14. */
async function untilCounted(db: TestDatabase): Promise<void> {
  await expect.poll(() => deadRows(db), { timeout: 10_000 }).toBeGreaterThan(50_000);
}

/** A session that wrote to the table and does not end: REINDEX CONCURRENTLY waits for it. */
async function blocker(db: TestDatabase, sql = `begin; update ${HOSTILE} set word = 'x' where id = 10`) {
  const client = await db.connect();
  await client.query("set application_name = 'forgotten'");
  await client.query(sql);
  return client;
}

const leftovers = (db: TestDatabase) =>
  db.superQuery<{ name: string }>(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where not i.indisvalid and c.relname ~ '_ccnew' order by 1`,
  );

/** Runs a reindex until it waits for the blocker, with the new index beside the old one. */
async function waitingReindex(db: TestDatabase, project: Project, ...args: string[]) {
  const run = project.start('reindex', '--format', 'json', ...args);
  await expect.poll(() => leftovers(db).then((rows) => rows.length), { timeout: 20_000 }).toBe(1);
  return run;
}

async function end(db: TestDatabase, client: pg.Client): Promise<void> {
  await client.query('rollback');
  expect(await deadRows(db)).toBeGreaterThan(0);
}

// biome-ignore lint/suspicious/noExplicitAny: as the report is read
const taskOf = (report: any, object: string) => report.data.tasks.find((task: any) => task.object === object);

test('vacuum and reindex show what is due with --dry-run, then give back what is wasted', async ({ db }) => {
  const project = await bloated(db);
  await untilCounted(db);
  const dry = await project.report('vacuum', '--dry-run');
  expect(dry).toMatchObject({ exitCode: 0, checks: [{ id: 'vacuum', status: 'passed' }] });
  expect(dry.data.plan).toEqual([
    expect.objectContaining({
      kind: 'vacuum',
      statement: `vacuum (analyze) ${HOSTILE}`,
      lock: 'SHARE UPDATE EXCLUSIVE: reads and writes go on',
      reason: expect.stringMatching(/90,000 dead rows, 90 %/),
    }),
  ]);
  expect(await deadRows(db)).toBeGreaterThan(50_000);

  const vacuumed = await project.report('vacuum');
  expect(vacuumed).toMatchObject({ exitCode: 0, findings: [] });
  expect(vacuumed.data.tasks).toMatchObject([{ kind: 'vacuum', object: HOSTILE, state: 'done' }]);
  await expect.poll(() => deadRows(db), { timeout: 10_000 }).toBe(0);

  const before = await sizeOf(db, HOSTILE_INDEX);
  expect(before).toBeGreaterThan(4_000_000);
  const rebuilt = await project.report('reindex');
  expect(rebuilt.exitCode).toBe(0);
  const after = await sizeOf(db, HOSTILE_INDEX);
  expect(after).toBeLessThan(before / 4);
  expect(taskOf(rebuilt, HOSTILE_INDEX)).toMatchObject({ state: 'done', bytesBefore: before, bytesAfter: after });
  expect((await project.report('vacuum')).data.tasks).toEqual([]);
});

test('analyze renews what is stale and what was never analysed, and what is named', async ({ db }) => {
  const project = await bloated(db);
  await untilCounted(db);
  const report = await project.report('analyze', '--jobs', '2');
  expect(report.data.tasks).toMatchObject([{ kind: 'analyze', object: HOSTILE, state: 'done' }]);
  await expect.poll(() => project.report('analyze').then(({ data }) => data.tasks), { timeout: 10_000 }).toEqual([]);
  const named = await project.report('analyze', 'fresh', HOSTILE);
  expect(named.data.tasks.map(({ object }: { object: string }) => object).toSorted()).toEqual([HOSTILE, 'public.fresh']);
  const unknown = await project.run('analyze', 'frehs', 'fresh');
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('no table or index "frehs"') });
});

test('a table that somebody else works on is left alone, and he is named', async ({ db }) => {
  const project = await bloated(db);
  await untilCounted(db);
  await blocker(db, `begin; lock table ${HOSTILE} in share update exclusive mode`);
  const report = await project.report('vacuum');
  expect(report.exitCode).toBe(0);
  expect(report.data.tasks).toMatchObject([
    { state: 'skipped', reason: expect.stringMatching(/^pid \d+, forgotten works on it \(ShareUpdateExclusiveLock\)$/) },
  ]);
  expect(await deadRows(db)).toBeGreaterThan(50_000);
});

test('a long transaction makes vacuum wait, then leave dead rows to the next run, with who keeps them', async ({ db }) => {
  const project = await bloated(db, { patience: '0', busy: { longTransaction: '1ms' } });
  await untilCounted(db);
  const old = await blocker(db, 'begin isolation level repeatable read; select count(*) from fresh');
  await db.query(`delete from ${HOSTILE} where id % 100 <> 0`);
  await db.query(`analyze ${HOSTILE}`);
  const report = await project.report('vacuum', '--config', 'aisha-db.config.json');
  expect(report.exitCode).toBe(0);
  await old.query('rollback');
});

test('while sessions are at work it waits, and leaves the rest when its patience ends', async ({ db }) => {
  const project = await bloated(db, { patience: '100ms', busy: { activeSessions: 1 } });
  await untilCounted(db);
  const worker = await db.connect();
  const { rows } = await worker.query<{ pid: number }>('select pg_backend_pid() as pid');
  const asleep = worker.query('select pg_sleep(60)').catch(() => {});
  const run = await project.run('vacuum');
  expect(run.stderr).toMatch(/waiting before vacuum public\."Röws.*: sessions at work: \d+/);
  expect(run.stdout).toContain('left for the next run: sessions at work');
  expect(run.code).toBe(0);
  await db.superQuery('select pg_terminate_backend($1)', [rows[0]!.pid]);
  await asleep;
});

test('the second of two runs ends with code 6 and one line', async ({ db }) => {
  const project = await bloated(db, {});
  const old = await blocker(db);
  const first = await waitingReindex(db, project, '--config', 'slow.json').catch((error) => error);
  expect(first).toBeInstanceOf(Error);
  await old.query('rollback');
});
