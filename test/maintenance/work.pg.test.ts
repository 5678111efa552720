/** @module-tag since-13 */
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
  expect(named.data.tasks.map(({ object }: { object: string }) => object).toSorted()).toEqual([
    HOSTILE,
    'public.fresh',
  ]);
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
    {
      state: 'skipped',
      reason: expect.stringMatching(/^pid \d+, forgotten works on it \(ShareUpdateExclusiveLock\)$/),
    },
  ]);
  expect(await deadRows(db)).toBeGreaterThan(50_000);
});

test('dead rows that a long transaction keeps are left to the next run, with who keeps them', async ({ db }) => {
  const project = await bloated(db, { patience: 0, busy: { longTransaction: '1ms' } });
  await untilCounted(db);
  const old = await blocker(db, 'begin isolation level repeatable read; select count(*) from fresh');
  await db.query(`delete from ${HOSTILE} where id % 100 <> 0`);
  const kept = await project.report('vacuum');
  expect(kept.data.tasks).toMatchObject([
    { state: 'left', reason: expect.stringContaining('forgotten, idle in trans') },
  ]);
  expect(kept).toMatchObject({
    exitCode: 1,
    findings: [
      { check: 'vacuum', severity: 'info', object: HOSTILE },
      { severity: 'warning', remediation: expect.stringMatching(/^select pg_terminate_backend\(\d+\);$/) },
    ],
  });
  const named = await project.report('vacuum', HOSTILE);
  expect(named.data.tasks).toMatchObject([{ state: 'done', deadAfter: 9_000 }]);
  expect(named.findings).toMatchObject([{ message: 'keeps the dead rows of 1 table from being removed' }]);
  await old.query('rollback');
  const freed = await project.report('vacuum');
  expect(freed).toMatchObject({ exitCode: 0, findings: [], data: { tasks: [{ state: 'done', deadAfter: 0 }] } });
}, 120_000);

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

const PATIENT = { ...LOW, patience: '60s' };

test('the second of two runs ends with code 6 and one line; SIGTERM ends the first, and nothing is left of it', async ({
  db,
}) => {
  const project = await bloated(db);
  await project.write(configured(PATIENT, { lockTimeout: '60s' }));
  const old = await blocker(db);
  const first = await waitingReindex(db, project, HOSTILE_INDEX);

  const second = await project.run('vacuum', '--quiet');
  expect(second).toMatchObject({ code: 6, stdout: expect.any(String) });
  expect(second.stderr.trim().split('\n')).toEqual([
    expect.stringMatching(
      /^error: maintenance of this database runs already: pid \d+, role app_owner, aisha-db reindex/,
    ),
  ]);

  first.kill('SIGTERM');
  await expect.poll(() => waitsOf(db, 'aisha-db reindex'), { timeout: 20_000 }).toBe('drop index concurrently');
  await old.query('rollback');
  const { code, json } = await first.done;
  expect(code).toBe(130);
  expect(json().data.tasks).toMatchObject([{ state: 'cut', reason: 'the run was interrupted' }]);
  expect(await leftovers(db)).toEqual([]);
}, 120_000);

test('on a second SIGTERM a run ends at once, and what it was removing is gone when its lock is', async ({ db }) => {
  const project = await bloated(db);
  await project.write(configured(PATIENT, { lockTimeout: '60s' }));
  const old = await blocker(db);
  const run = await waitingReindex(db, project, HOSTILE_INDEX);
  run.kill('SIGTERM');
  await expect.poll(() => waitsOf(db, 'aisha-db reindex'), { timeout: 20_000 }).toBe('drop index concurrently');
  run.kill('SIGTERM');
  expect((await run.done).code).toBe(130);
  expect(await leftovers(db)).toHaveLength(1);
  await old.query('rollback');
  await expect.poll(() => waitsOf(db, 'aisha-db reindex'), { timeout: 20_000 }).toBeUndefined();
  await project.report('reindex');
  expect(await leftovers(db)).toEqual([]);
}, 120_000);

/** What the sessions of an application do that wait for a lock. */
async function waitsOf(db: TestDatabase, application: string): Promise<string | undefined> {
  const [row] = await db.superQuery<{ words: string }>(
    `select substring(query from '^\\S+ \\S+ \\S+') as words from pg_stat_activity
     where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'`,
    [application],
  );
  return row?.words;
}

test('kill -9 during REINDEX CONCURRENTLY leaves an invalid index, which the next run removes', async ({ db }) => {
  const project = await bloated(db);
  await project.write(configured(PATIENT, { lockTimeout: '60s' }));
  const old = await blocker(db);
  const killed = await waitingReindex(db, project, HOSTILE_INDEX);
  const inHand = await project.report('reindex', '--dry-run');
  expect(inHand.data.plan).toContainEqual(
    expect.objectContaining({
      kind: 'drop-leftover',
      skipped: expect.stringContaining('aisha-db reindex works on it'),
    }),
  );

  killed.kill('SIGKILL');
  await killed.done;
  await db.superQuery(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aisha-db reindex'",
  );
  await expect.poll(() => waitsOf(db, 'aisha-db reindex'), { timeout: 10_000 }).toBeUndefined();
  await old.query('rollback');
  expect(await leftovers(db)).toEqual([{ name: "Ïndex 'of' %_ccnew" }]);
  // Invalid and alike by name only: nothing proves that it is not needed.
  await db.query(`create table twinless (id int); create index orphan_ccnew on twinless (id)`);
  await db.superQuery("update pg_index set indisvalid = false where indexrelid = 'orphan_ccnew'::regclass");

  await db.query(`vacuum analyze ${HOSTILE}`);
  const report = await project.report('reindex');
  expect(report.data.tasks.slice(0, 2)).toMatchObject([
    { kind: 'drop-leftover', object: 'public."Ïndex \'of\' %_ccnew"', state: 'done' },
    { kind: 'reindex', object: HOSTILE_INDEX, state: 'done' },
  ]);
  expect(await leftovers(db)).toEqual([{ name: 'orphan_ccnew' }]);
}, 120_000);

test('a large index waits for a quiet server or its hours, while the smaller ones behind it are rebuilt', async ({
  db,
}) => {
  const project = await bloated(db);
  await db.query(`
    create table half (id int, word text) with (autovacuum_enabled = false);
    insert into half select n, md5(n::text) from generate_series(1, 100000) n;
    create index "lärge %" on half (word);
    delete from half where id % 10 < 6`);
  for (const table of ['half', HOSTILE]) await db.query(`vacuum analyze ${table}`);
  // Whatever goes on is more than none: the server is never quiet.
  const maintenance = { busy: { transactions: 0 }, patience: 0, reindex: { wastedMb: 1, largeMb: 1 } };
  const large = 'public."lärge %"';
  await project.write(configured(maintenance));
  const kept = await project.report('reindex');
  expect(kept.data.tasks).toMatchObject([
    { object: HOSTILE_INDEX, state: 'done' },
    { object: `${HOSTILE.slice(0, -1)}_pkey"`, state: 'done' },
    {
      object: large,
      state: 'left',
      reason: expect.stringMatching(/^others end \d+ transactions a second, and an index/),
    },
  ]);
  const before = await sizeOf(db, large);
  await project.write(configured({ ...maintenance, window: '00:00-24:00' }));
  expect((await project.run('reindex')).stderr).toContain('expected hours of the day');
  await project.write(configured({ ...maintenance, window: '00:01-00:00' }));
  expect((await project.report('reindex', '--dry-run')).data.plan[0].reason).toContain('between 00:01 and 00:00, or');
  expect((await project.report('reindex')).data.tasks).toEqual([
    expect.objectContaining({ object: large, state: 'done' }),
  ]);
  expect(await sizeOf(db, large)).toBeLessThan(before / 2);
}, 60_000);

test('a lock that is not had in time leaves the index to the next run', async ({ db }) => {
  const project = await bloated(db);
  await project.write(configured(LOW, { lockTimeout: '300ms' }));
  const old = await blocker(db);
  const report = await project.report('reindex', HOSTILE_INDEX);
  expect(report.data.tasks).toMatchObject([{ state: 'left', reason: expect.stringContaining('longer than 300 ms') }]);
  expect(report.exitCode).toBe(0);
  await old.query('rollback');
  const next = await project.report('reindex');
  expect(next.data.tasks.map(({ kind, state }: { kind: string; state: string }) => `${kind} ${state}`)).toContain(
    'drop-leftover done',
  );
  expect(await leftovers(db)).toEqual([]);
});

test('what has to be over at a time is cut then, and what does not fit is not begun', async ({ db }) => {
  const project = await bloated(db);
  await project.write(configured(PATIENT, { lockTimeout: '60s' }));
  const old = await blocker(db);
  const cut = project.start('reindex', '--format', 'json', '--max-duration', '3s', HOSTILE_INDEX, HOSTILE);
  await expect.poll(() => waitsOf(db, 'aisha-db reindex'), { timeout: 20_000 }).toBe('drop index concurrently');
  await old.query('rollback');
  const report = (await cut.done).json();
  expect(report.data.tasks).toMatchObject([
    { state: 'cut', reason: 'the time is over (for 3 s)' },
    { state: 'left', reason: 'the time is over (for 3 s)' },
  ]);
  expect(await leftovers(db)).toEqual([]);
}, 120_000);

test('what the role may not do is skipped by name', async ({ db }) => {
  const project = await bloated(db);
  await untilCounted(db);
  const report = await project.report('vacuum', '--database-url', db.readerUrl);
  expect(report).toMatchObject({ exitCode: 0, findings: [{ severity: 'info', object: HOSTILE }] });
  expect(report.data.tasks).toMatchObject([
    { state: 'skipped', reason: 'it belongs to app_owner, and app_reader may not' },
  ]);
  const index = await project.report('reindex', HOSTILE_INDEX, '--database-url', db.readerUrl);
  expect(index.data.tasks).toMatchObject([
    { state: 'skipped', reason: expect.stringContaining('belongs to app_owner') },
  ]);
});

test('VACUUM FULL wants a window that it fits into and a yes; its lock and time are told first', async ({ db }) => {
  const project = await bloated(db);
  await untilCounted(db);
  const before = await sizeOf(db, HOSTILE);
  const lock = /ACCESS EXCLUSIVE: nobody reads or writes the table meanwhile, for about \d/;
  const open = await project.run('vacuum', '--full', HOSTILE);
  expect(open).toMatchObject({ code: 2, stderr: expect.stringMatching(lock) });
  expect(open.stderr).toContain('needs a maintenance window');
  const tight = await project.run('vacuum', '--full', HOSTILE, '--max-duration', '1ms');
  expect(tight).toMatchObject({ code: 2, stderr: expect.stringContaining('does not fit into the window (for 1 ms)') });
  const unconfirmed = await project.run('vacuum', '--full', HOSTILE, '--max-duration', '10min');
  expect(unconfirmed).toMatchObject({ code: 3, stderr: expect.stringMatching(lock) });
  expect(await sizeOf(db, HOSTILE)).toBe(before);
  const done = await project.report('vacuum', '--full', HOSTILE, '--max-duration', '10min', '--yes');
  expect(done).toMatchObject({ exitCode: 0, data: { tasks: [{ kind: 'vacuum-full', state: 'done' }] } });
  expect(await sizeOf(db, HOSTILE)).toBeLessThan(before / 4);
});

test('an unused index is dropped by name, after a question, when its counters say so for long enough', async ({
  db,
}) => {
  const project = await bloated(db);
  await db.query(`create index used on ${HOSTILE} (id, word)`);
  await db.query(`set enable_seqscan = off; select count(*) from ${HOSTILE} where id = 10 and word > ''`);
  const young = await project.run('reindex', '--drop-unused', HOSTILE_INDEX, '--yes');
  expect(young).toMatchObject({ code: 2, stderr: expect.stringMatching(/not dropped: .* counters cover/) });
  await project.write(configured(LOW, { diagnostics: { checks: { 'unused-index': { windowDays: 0 } } } }));
  const key = await project.run('reindex', '--drop-unused', `${HOSTILE.slice(0, -1)}_pkey"`, '--yes');
  expect(key).toMatchObject({ code: 2, stderr: expect.stringContaining('not among those that nothing uses') });
  const asked = await project.run('reindex', '--drop-unused', HOSTILE_INDEX);
  expect(asked).toMatchObject({ code: 3, stderr: expect.stringContaining('to make it again: CREATE INDEX "Ïndex') });
  const report = await project.report('reindex', '--drop-unused', HOSTILE_INDEX, '--yes');
  expect(report).toMatchObject({ exitCode: 0, data: { tasks: [{ kind: 'drop-unused', state: 'done' }] } });
  const gone = await db.query('select to_regclass($1) as name', [HOSTILE_INDEX]);
  expect(gone).toEqual([{ name: null }]);
});
