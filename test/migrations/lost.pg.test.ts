/** @module-tag since-13 */
import { describe } from 'vitest';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { type Files, makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { makeProject, states, tables } from './project.ts';

/** In a comment of the file with which the connection is lost. */
const MARKER = 'the cable is cut here';

/** The file with all that belongs to its transaction, not the question whether the grammar accepts it. */
const WITH_COMMIT = (text: string) => text.includes(MARKER) && text.endsWith('commit\0');

/** Runs a command on a connection that is cut as soon as the server has the file with the marker. */
async function runCut(
  db: TestDatabase,
  files: Files,
  args: readonly string[],
  { cuts = WITH_COMMIT, isUnreachable = false } = {},
) {
  const proxy = await startCuttingProxy(db, cuts, () => isUnreachable && proxy.close());
  const dir = await makeFolder({ 'aisha-db.config.json': '{ "dir": "." }', ...files });
  const url = `${proxy.url(db.url)}${isUnreachable ? '?connect_timeout=2' : ''}`;
  const run = (database: string) =>
    runHere([...args, '--format', 'json'], { cwd: dir, env: { DATABASE_URL: database } });
  return { result: await run(url), again: () => run(db.url) };
}

describe('the connection is lost behind what the server was sent', () => {
  test('and the server commits it: the file is reported as applied, and is not run again', async ({ db }) => {
    const files = {
      '001_a.sql': `insert into t values (1); -- ${MARKER}`,
      '002_b.sql': 'insert into t values (2);',
    };
    await db.query('create table t (id int)');
    const { result, again } = await runCut(db, files, ['migrate']);
    expect([result.code, states(result)]).toEqual([3, { '001_a.sql': 'applied', '002_b.sql': 'not-run' }]);
    expect(result.json().error.message).toBe('001_a.sql is committed, but the connection was lost behind it');
    expect((await again()).code).toBe(0);
    expect(await db.query('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('and it had several files: each that it committed is reported as applied', async ({ db }) => {
    const names = Array.from({ length: 20 }, (_, i) => `${String(i + 1).padStart(3, '0')}_a.sql`);
    const files = Object.fromEntries(
      names.map((name, i) => [name, `create table t${i} (); -- ${i === 3 ? MARKER : ''}`]),
    );
    const { result, again } = await runCut(db, files, ['migrate']);
    const ledger = await db.query<{ file: string }>('select file from aisha_db.migrations order by sequence');
    const applied = ledger.map(({ file }) => file);
    expect(applied.length).toBeGreaterThanOrEqual(4);
    expect(applied).toEqual(names.slice(0, applied.length));
    expect(Object.entries(states(result)).flatMap(([file, state]) => (state === 'applied' ? [file] : []))).toEqual(
      applied,
    );
    expect(result.code).not.toBe(0);
    expect((await again()).code).toBe(0);
    expect(await tables(db)).toHaveLength(20);
  });

  test('and the server is still at it: that is ended, and nothing of the file remains', async ({ db }) => {
    const files = { '001_a.sql': `create table a (); /* ${MARKER} */ select pg_sleep(60);` };
    const { result } = await runCut(db, files, ['migrate']);
    expect([result.code, states(result)]).toEqual([7, { '001_a.sql': 'failed' }]);
    expect(await tables(db)).toEqual([]);
    expect(await db.query("select from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()")).toEqual(
      [],
    );
  });

  test('a final file that ran before, and fails this time, is not taken for the run of today', async ({ db }) => {
    const project = await makeProject(db, { '999_f.sql': 'select 1;' });
    await project.succeed();
    const { result } = await runCut(db, { '999_f.sql': `select pg_sleep(60); -- ${MARKER}` }, ['migrate']);
    expect([result.code, states(result)]).toEqual([7, { '999_f.sql': 'failed' }]);
  });

  test('and nobody can be asked: that is said, and no more than that', async ({ db }) => {
    const files = { '001_a.sql': `create table a (); -- ${MARKER}` };
    const { result, again } = await runCut(db, files, ['migrate'], { isUnreachable: true });
    expect(result.code).toBe(3);
    expect(result.json().error.message).toBe(
      'the connection was lost while 001_a.sql ran, and the server does not say whether it was committed',
    );
    expect((await again()).code).toBe(0);
    expect(await tables(db)).toEqual(['a']);
  });

  test.for([
    ['the ledger is read', (text: string) => text.includes('pg_attribute')],
    ['the files are looked into', (text: string) => text.includes(MARKER)],
    ['the lock is taken', (text: string) => text.includes('pg_try_advisory_lock')],
  ] as const)('while %s: no defect, and nothing was applied', async ([, cuts], { db }) => {
    const { result } = await runCut(db, { '001_a.sql': `create table a (); -- ${MARKER}` }, ['migrate'], { cuts });
    expect([result.code, result.json().error]).toMatchObject([
      3,
      { code: 'connection', message: expect.stringMatching(/^the connection to the server was lost: /) },
    ]);
    expect(await tables(db)).toEqual([]);
  });

  test('and a rollback was committed: the migration counts as rolled back', async ({ db }) => {
    const files = { '001_a.sql': 'create table a ();', 'ROLLBACK_001_a.sql': `drop table a; -- ${MARKER}` };
    const project = await makeProject(db, files);
    await project.succeed();
    const { result } = await runCut(db, files, ['rollback', '1', '--yes']);
    expect([result.code, result.json().error.message]).toEqual([
      3,
      'ROLLBACK_001_a.sql is committed, but the connection was lost behind it',
    ]);
    expect([await tables(db), (await project.ledger()).map((row) => row.state)]).toEqual([[], ['rolled-back']]);
    expect(result.stdout).toContain('001_a.sql');
  });

  test('and a fix was committed: it is said, and recorded', async ({ db }) => {
    await db.query('create table a (id int)');
    // Its rows are shown before it is committed: two messages.
    const cuts = (text: string) => text.includes('set constraints all immediate') && text.includes('fixes/FIX_b.sql');
    const { result } = await runCut(db, { 'fixes/FIX_b.sql': 'insert into a values (1);' }, ['fix', 'b', '--yes'], {
      cuts,
    });
    expect([result.code, result.json().error.message]).toEqual([
      3,
      'fixes/FIX_b.sql is committed, but the connection was lost behind it',
    ]);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
    expect(await db.query('select file, state from aisha_db.migrations')).toEqual([
      { file: 'fixes/FIX_b.sql', state: 'applied' },
    ]);
  });
});
