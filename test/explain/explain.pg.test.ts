/** @module-tag since-13 */

import { describe } from 'vitest';
import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';
import { testServer } from '../support/server.ts';

const TABLE = `"S'ch%ema"."Big "" </script>"`;
const SCHEMA = `
  create schema "S'ch%ema";
  create table ${TABLE} (id int generated always as identity primary key, "ten ant" int, name text);
  insert into ${TABLE} ("ten ant", name) select n % 500, 'name ' || n from generate_series(1, 40000) n;
  analyze ${TABLE}`;

describe('what is explained', () => {
  test('is one statement that can be planned; nothing else is run or planned', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const refused = [
      ['select 1; drop schema "S\'ch%ema" cascade', 'more than one statement'],
      ['create table x ()', 'syntax error at or near "create"'],
      ['analyze select 1', 'syntax error'],
      ['/* only a comment */', 'syntax error'],
      ['  ', 'there is no query'],
    ];
    for (const [text, message] of refused) {
      const report = await project.report('explain', text!);
      expect(report).toMatchObject({ exitCode: 2, error: { message: expect.stringContaining(message!) } });
    }
    expect(await db.query(`select count(*)::int as n from ${TABLE}`)).toEqual([{ n: 40_000 }]);
  });

  test('comes as an argument, from a file or from stdin, and an error points to its place', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({ 'q.sql': `-- ünï\nselect 1 from ${TABLE};\n` }, { env: db.env });
    const { code, stdout } = await project.run('explain', '--file', 'q.sql');
    expect(code).toBe(0);
    expect(stdout).toMatch(/on S'ch%ema\.Big/);
    const error = await project.run('explain', `select 'ü',\n  nme from ${TABLE}`);
    expect(error.code).toBe(2);
    expect(error.stderr).toContain(`2 |   nme from ${TABLE}`);
    const { runCli } = await import('../support/run.ts');
    const piped = await runCli(['explain'], { cwd: project.dir, env: db.env, input: 'values (1), (2)' });
    expect(piped.stdout).toContain('Values Scan');
    expect((await project.run('explain', 'select 1', '--id', '1')).stderr).toContain('more than one query');
  });

  test('a number of pg_stat_statements, planned for any value', async ({ db }) => {
    await db.superQuery('create extension pg_stat_statements');
    await db.query(SCHEMA);
    await db.query(`select name from ${TABLE} where "ten ant" = 7 and name <> 'x'`);
    const [row] = await db.superQuery<{ id: string }>(
      `select queryid::text as id from pg_stat_statements where query like 'select name from%"ten ant" = $1%'
        and dbid = (select oid from pg_database where datname = current_database())`,
    );
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('explain', '--id', row!.id);
    expect(report).toMatchObject({ exitCode: 0, data: { generic: true, analysed: false } });
    expect(report.data.query).toContain('$1');
    expect((await project.report('explain', '--id', row!.id, '--analyze')).error).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('2 parameters'),
    });
    const ran = await project.report('explain', '--id', row!.id, '--analyze', '--param', '7', '--param', "it's");
    expect(ran.data).toMatchObject({ generic: false, analysed: true, plan: { Plan: { 'Actual Rows': 80 } } });
    expect(await project.report('explain', '--id', '1')).toMatchObject({ exitCode: 2 });
    const reader = await makeProject({}, { env: { DATABASE_URL: db.readerUrl } });
    expect(await reader.report('explain', '--id', row!.id)).toMatchObject({
      exitCode: 3,
      error: { hint: expect.stringContaining('grant pg_read_all_stats to') },
    });
  });

  test('parameters: partitions stay in the plan for any value, or it says that they are missing', async ({ db }) => {
    await db.query(`create table p (k int) partition by list (k);
      create table p1 partition of p for values in (1);
      create table p2 partition of p for values in (2)`);
    const project = await makeProject({}, { env: db.env });
    const { stdout } = await project.run('explain', 'select * from p where k = $1');
    if (testServer().versionNumber >= 160_000) expect(stdout).toContain('on public.p2');
    else expect(stdout).toContain('Partitions are missing from this plan');
  });
});

describe('--analyze', () => {
  test('runs and undoes: rows are as before, locks are gone, what cannot be undone is said', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const text = `insert into ${TABLE} (name) values ('new') returning id`;
    const asked = await project.run('explain', '--analyze', text);
    expect(asked.code).toBe(3);
    expect(asked.stderr).toContain('numbers taken from sequences');
    const report = await project.report('explain', '--analyze', text, '--yes');
    expect(report).toMatchObject({ exitCode: 0, data: { analysed: true } });
    expect(await db.query(`select count(*)::int as n from ${TABLE}`)).toEqual([{ n: 40_000 }]);
    // The number is taken: as was said.
    expect(await db.query(`insert into ${TABLE} (name) values ('x') returning id`)).toEqual([{ id: 40_002 }]);
  });

  test('without it nothing is run', async ({ db }) => {
    await db.query(`${SCHEMA}; create function boom() returns int language plpgsql as $$ begin raise 'ran'; end $$`);
    const project = await makeProject({}, { env: db.env });
    expect((await project.report('explain', `delete from ${TABLE} where id = boom()`)).exitCode).toBe(0);
    expect((await project.report('explain', `select boom()`)).exitCode).toBe(0);
  });

  test('a query that only seems to read is stopped from writing', async ({ db }) => {
    await db.query(
      `create table t (n int); create function f() returns int language sql as 'insert into t values (1) returning n'`,
    );
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('explain', '--analyze', 'select f()');
    expect(report.error).toMatchObject({ sqlState: '25006' });
    expect(await db.query('select from t')).toEqual([]);
  });

  test('ends with its time limit', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('explain', '--analyze', 'select pg_sleep(60)', '--statement-timeout', '50ms');
    expect(report).toMatchObject({ exitCode: 7, error: { sqlState: '57014' } });
  });
});

describe('what stands out', () => {
  test('a large table read for a few rows, until there is an index', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const text = `select * from ${TABLE} where "ten ant" = 7`;
    for (const more of [[], ['--analyze']]) {
      const { findings } = await project.report('explain', text, ...more);
      expect(findings).toMatchObject([{ check: 'sequential-scan', severity: 'warning' }]);
    }
    await db.query(`create index on ${TABLE} ("ten ant"); analyze ${TABLE}`);
    expect((await project.report('explain', text, '--analyze')).findings).toEqual([]);
  });

  test('estimates that are wrong, and sorts and hashes that go to disk', async ({ db }) => {
    await db.query(`${SCHEMA};
      create table pairs as select n % 200 as a, n % 200 as b, repeat('x', 100) as filler from generate_series(1, 40000) n;
      create index on pairs (a, b);
      analyze pairs`);
    const project = await makeProject(
      {},
      { env: { ...db.env, PGOPTIONS: '-c work_mem=64kB -c max_parallel_workers_per_gather=0' } },
    );
    const checks = async (text: string) =>
      (await project.report('explain', '--analyze', text)).findings.map(({ check }: { check: string }) => check);
    expect(await checks('select * from pairs where a = 5 and b = 5')).toEqual(['misestimate']);
    expect(await checks('select * from pairs order by filler, a offset 39999')).toContain('spill');
  });

  test('a policy that is evaluated for each row, for a role and a tenant, until it is written as a sub-select', async ({
    db,
  }) => {
    await db.query(`
      create table notes (id int primary key, tenant_id text);
      insert into notes select n, 'tenant ' || n % 2 from generate_series(1, 1000) n;
      analyze notes;
      alter table notes enable row level security;
      grant select on notes to authenticated;
      create policy p on notes using (tenant_id = current_setting('app.current_tenant_id', true))`);
    const project = await makeProject({}, { env: db.env });
    const as = ['--role', 'authenticated', '--tenant', 'tenant 1', '--analyze'];
    const report = await project.report('explain', 'select * from notes', ...as);
    expect(report.data.plan.Plan).toMatchObject({ 'Actual Rows': 500 });
    expect(report.findings).toMatchObject([
      { check: 'policy-per-row', message: expect.stringContaining('current_setting(…) is called again for every row') },
    ]);
    await db.query(
      `alter policy p on notes using (tenant_id = (select current_setting('app.current_tenant_id', true)))`,
    );
    expect((await project.report('explain', 'select * from notes', ...as)).findings).toEqual([]);
    const { stdout } = await project.run('explain', 'select * from notes');
    expect(stdout).toContain('Policies do not bind the role of the connection');
  });

  test('a role that does not exist, or that the connection may not become', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    expect(await project.report('explain', 'select 1', '--role', 'No "one"')).toMatchObject({
      exitCode: 3,
      error: { hint: expect.stringContaining('grant "No ""one""" to') },
    });
  });
});

test('the report fits 80 columns and has each format', async ({ db }) => {
  await db.query(SCHEMA);
  const project = await makeProject({}, { env: db.env });
  const text = `select * from ${TABLE} a join ${TABLE} b using ("ten ant") where a.name = 'x' order by b.name`;
  const { stdout } = await project.run('explain', text);
  const [, tree = ''] = /\nPlan\n(.*?)\n\n/s.exec(stdout) ?? [];
  expect(Math.max(...tree.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  const { stdout: markdown } = await project.run('explain', text, '--format', 'markdown');
  expect(markdown).toContain('## Plan');
  expect(markdown).not.toContain('</script>"');
  expect(await project.run('explain', text, '--fail-on', 'info')).toMatchObject({ code: 1 });
});
