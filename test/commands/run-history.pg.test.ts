/** @module-tag since-13 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { makeProject } from './project.ts';

const CONFIG = { 'aisha-db.config.json': JSON.stringify({ ledger: { schema: 'Odd "ledger' } }) };
const RUNS = '"Odd ""ledger".diagnose_runs';

describe('runs kept in the database', () => {
  test('say what is new and gone, in a schema that the first one makes', async ({ db }) => {
    await db.query('create table "Old ""log" (line text)');
    const project = await makeProject(CONFIG, { env: db.env });
    const first = await project.report('diagnose', 'schema', '--save', '--trend');
    expect(first).toMatchObject({ exitCode: 1, data: { trend: null } });
    await db.query('drop table "Old ""log"; create table "New %" (line text)');
    const second = await project.report('schema', '--trend');
    expect(second.data.trend).toMatchObject({
      runs: 1,
      appeared: [{ object: 'public."New %"', severity: 'warning' }],
      gone: [{ object: 'public."Old ""log"' }],
    });
    expect(first.data.trend).toBeNull();
    const { stdout } = await project.run('schema', '--trend');
    expect(stdout).not.toContain('This run is kept.');
    expect(stdout).toContain('1 new, 1 gone, 0 worse, 0 growing');
    // What was not asked to be kept is not kept.
    expect(await db.query(`select id from ${RUNS}`)).toHaveLength(1);
    // Its own table gives no cause for a finding.
    expect(second.findings.map(({ object }: { object: string }) => object)).toEqual(['public."New %"']);
  });

  test('are all kept when several begin at once', async ({ db }) => {
    const project = await makeProject(CONFIG, { env: db.env, ownProcess: true });
    const runs = await Promise.all(Array.from({ length: 5 }, () => project.run('archive', '--save')));
    expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0]);
    expect(await db.query(`select id from ${RUNS}`)).toHaveLength(5);
  });

  test('need rights that the error names; the report is whole all the same', async ({ db }) => {
    await db.query('create table no_key (id int); grant select on no_key to app_reader');
    const project = await makeProject(CONFIG, { env: { DATABASE_URL: db.readerUrl } });
    const refused = await project.report('diagnose', 'missing-primary-key', '--save');
    expect(refused).toMatchObject({ status: 'failed', exitCode: 3, findings: [{ object: 'public.no_key' }] });
    const owner = await makeProject(CONFIG, { env: db.env });
    await owner.run('archive', '--save');
    const { error } = await project.report('diagnose', 'missing-primary-key', '--save');
    expect(error.message).toContain('permission denied');
    await db.query(/(grant usage .*); or keep them/.exec(error.hint)![1]!);
    const saved = await project.report('diagnose', 'missing-primary-key', '--save', '--trend');
    expect(saved).toMatchObject({ status: 'findings', exitCode: 1, data: { trend: { runs: 1 } } });
    expect(await db.query(`select taken_by from ${RUNS} order by id`)).toEqual([
      { taken_by: 'app_owner' },
      { taken_by: 'app_reader' },
    ]);
  });

  test('are kept up to four hundred, the latest', async ({ db }) => {
    const project = await makeProject(CONFIG, { env: db.env });
    await project.run('archive', '--save');
    await db.query(`insert into ${RUNS} (taken_at, run) select now(), '{}' from generate_series(1, 405)`);
    await project.run('archive', '--save');
    const [kept] = await db.query(
      `select count(*)::int as count, min(id)::int as first, max(id)::int as last from ${RUNS}`,
    );
    expect(kept).toEqual({ count: 400, first: 8, last: 407 });
  });

  test('cannot be kept on a read-only server, which the hint has an answer to', async ({ db }) => {
    await db.superQuery(`alter database ${db.name} set default_transaction_read_only = on`);
    const project = await makeProject(CONFIG, { env: db.env });
    const { error, exitCode, checks } = await project.report('archive', '--save');
    expect(exitCode).toBe(3);
    expect(checks).not.toEqual([]);
    expect(error.hint).toContain('--runs-dir FOLDER');
    expect((await project.run('archive', '--save', '--runs-dir', 'runs')).code).toBe(0);
  });

  test('a table of that name that is not ours is left alone', async ({ db }) => {
    await db.query('create schema "Odd ""ledger"; create table "Odd ""ledger".diagnose_runs (id int)');
    const project = await makeProject(CONFIG, { env: db.env });
    const { error } = await project.report('archive', '--save');
    expect(error.hint).toContain('That table is none of this program');
    expect(await db.query(`select * from ${RUNS}`)).toEqual([]);
  });
});

describe('runs kept in a folder', () => {
  test('serve several databases, and what is no run or of a later version is left out with a word', async ({ db }) => {
    await db.query('create table no_key (id int)');
    const project = await makeProject({}, { env: db.env });
    const keep = ['missing-primary-key', '--runs-dir', 'runs'];
    expect((await project.report('diagnose', ...keep, '--save', '--trend')).data.trend).toBeNull();
    const runs = join(project.dir, 'runs');
    const [mine] = await readdir(runs);
    const named = (when: string) => mine!.replace(/-\d{4}-\d\d-\d\dT.*$/, `-${when}.json`);
    await writeFile(join(runs, named('9999')), '{"format": 9}');
    await writeFile(join(runs, named('9998')), '{"format": 1, "cut off');
    await writeFile(join(runs, mine!.replace(/-[0-9a-f]{8}-/, '-00000000-')), '{"format": 9}');
    await db.query('drop table no_key');
    const { stdout, stderr } = await project.run('diagnose', ...keep, '--trend', '--format', 'json');
    expect(JSON.parse(stdout).data.trend).toMatchObject({ runs: 1, gone: [{ object: 'public.no_key' }] });
    expect(stderr).toContain('left out: 1 stored run of a later version of aisha-db');
    expect(stderr).toContain('left out: 1 stored run that cannot be understood');
    expect(await db.query("select from pg_namespace where nspname = 'aisha_db'")).toEqual([]);
  });

  test('are kept up to four hundred, and nothing else in the folder is touched', async ({ db }) => {
    const project = await makeProject({ 'runs/notes.json': '{}' }, { env: db.env });
    await project.run('archive', '--save', '--runs-dir', 'runs');
    const runs = join(project.dir, 'runs');
    const mine = (await readdir(runs)).find((file) => file.startsWith('diagnose-'))!;
    const older = (number: number) => mine.replace(/\d{4}-\d\d-\d\dT.*$/, `2020-01-01T00-00-00.${number}Z.json`);
    for (let number = 100; number < 502; number++) await writeFile(join(runs, older(number)), '{}');
    await project.run('archive', '--save', '--runs-dir', 'runs');
    const left = await readdir(runs);
    expect(left).toHaveLength(401);
    expect(left).toContain('notes.json');
    expect(left).toContain(mine);
    expect(left).not.toContain(older(100));
  });

  test('show in the page how sizes develop', async ({ db }) => {
    const project = await makeProject(
      { 'aisha-db.config.json': '{ "diagnostics": { "runsDir": "runs" } }' },
      { env: db.env },
    );
    await project.run('capacity', '--save');
    await db.query('create table "big </script>" as select repeat(\'x\', 2000) from generate_series(1, 2000)');
    await project.run('capacity', '--save');
    const { stdout } = await project.run('capacity', '--trend', '--format', 'html');
    expect(stdout).toContain('Size of the database, over time');
    expect(stdout).toContain('Largest tables');
    expect(stdout).not.toContain('big </script>');
    const report = await project.report('capacity', '--trend');
    expect(report.data.trend.growing).toContainEqual(
      expect.objectContaining({ check: 'database-size', unit: 'bytes' }),
    );
  });
});
