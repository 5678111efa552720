/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { judgeFacts } from '../../src/tenancy/judge.ts';
import { loadCheck } from '../../src/tenancy/load-checks.ts';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { factsOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');
const SOUND = `${prelude}
  create table contacts (id uuid primary key, tenant_id uuid not null references tenant);
  create index on contacts (tenant_id);
  select isolate('contacts');`;

/** A project whose configuration says what no catalog does. */
function projectOf(db: TestDatabase, tenancy: object = { apiSchemas: ['public'] }, url = db.url): Promise<Project> {
  const config = JSON.stringify({ tenancy });
  return makeProject({ 'aisha-db.config.json': config }, { env: { DATABASE_URL: url } });
}

type Report = Awaited<ReturnType<Project['report']>>;
const checkOf = ({ checks }: Report, id: string) => checks.find((check: { id: string }) => check.id === id);
const found = ({ findings }: Report) =>
  findings.map((one: { check: string; object: string }) => `${one.check} ${one.object}`);

test('a sound database is green, and its tables are listed as scripts rely on', async ({ db }) => {
  await db.query(`${SOUND}
    create table "Order ""Items""" (id int, tenant_id uuid not null references tenant);
    create index on "Order ""Items""" (tenant_id);
    select isolate('"Order ""Items"""');`);
  const report = await (await projectOf(db)).report('rls-check');
  expect([report.exitCode, found(report)]).toEqual([0, []]);
  expect(report.data.tables[0]).toEqual({
    table: 'public."Order ""Items"""',
    kind: 'table',
    owner: 'app_owner',
    rlsEnabled: true,
    rlsForced: true,
    policies: [{ name: 'tenant_isolation', command: 'ALL', permissive: true, roles: ['public'] }],
    tenantColumn: { name: 'tenant_id', type: 'uuid' },
    verdict: 'ok',
  });
  expect(report.data.tables.map(({ table }: { table: string }) => table)).toEqual([
    'public."Order ""Items"""',
    'public.contacts',
    'public.tenant',
  ]);
});

test('findings make the exit code 1, say what mends them, and are readable in 80 columns', async ({ db }) => {
  await db.query(`${prelude} create table open_table (id int, tenant_id uuid not null);
    create index on open_table (tenant_id); grant select on open_table to authenticated`);
  const project = await projectOf(db);
  const { code, stdout } = await project.run('rls-check');
  expect(code).toBe(1);
  expect(stdout).toContain(
    'critical (1)\n  public.open_table  [rls-not-enabled]\n    RLS is not enabled: authenticated',
  );
  expect(stdout).toContain('alter table "public"."open_table" enable row level security;');
  expect((await project.run('rls-check', '--fail-on', 'critical')).code).toBe(1);
  const sarif = JSON.parse((await project.run('rls-check', '--format', 'sarif')).stdout);
  expect(sarif.runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId)).toContain('rls-not-enabled');
  expect((await project.run('rls-check', '--format', 'junit')).stdout).toContain('rls-not-enabled');
});

describe('an exception', () => {
  const OPEN = `${prelude} create table countries (id int); grant select on countries to anon`;
  const exception = { check: 'rls-not-enabled', object: 'public.countries', reason: 'no row of it is a secret' };

  test('with its reason sets a finding aside, and only that one', async ({ db }) => {
    await db.query(`${OPEN}; create table others (id int)`);
    const project = await projectOf(db, { apiSchemas: ['public'], exceptions: [exception] });
    const report = await project.report('rls-check');
    expect(found(report)).toEqual(['rls-not-enabled public.others']);
    expect(report.data.exceptions).toEqual([
      expect.objectContaining({ object: 'public.countries', reason: 'no row of it is a secret' }),
    ]);
  });

  test('that covers nothing is said to', async ({ db }) => {
    await db.query(SOUND);
    const idle = { ...exception, object: 'public.gone' };
    const report = await (await projectOf(db, { apiSchemas: ['public'], exceptions: [idle] })).report('rls-check');
    expect([report.exitCode, found(report)]).toEqual([0, ['idle-exception public.gone']]);
  });

  test('without a reason is refused', async ({ db }) => {
    const project = await projectOf(db, { exceptions: [{ ...exception, reason: ' ' }] });
    const { code, stderr } = await project.run('rls-check');
    expect(code).toBe(2);
    expect(stderr).toContain('tenancy.exceptions.0.reason: expected the reason why this is meant');
  });
});

describe('what could not be looked at is never green:', () => {
  test('a role that may not become the others leaves policies open, and is told what to grant', async ({ db }) => {
    await db.query(prelude);
    const report = await (await projectOf(db, { apiSchemas: ['public'] }, db.readerUrl)).report('rls-check');
    expect(report.exitCode).toBe(1);
    expect(checkOf(report, 'evaluated-roles')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('app_reader cannot become'),
      remediation: expect.stringMatching(/^grant .*"authenticated".* to "app_reader";$/),
    });
    expect(checkOf(report, 'policy-always-true')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('public.tenant: cannot become'),
    });
    expect(report.data.tables[0].verdict).toBe('unknown');
    // What the catalog says is known all the same.
    expect(checkOf(report, 'rls-not-enabled').status).toBe('passed');
  });

  test('what is found as one role does not stand for the roles that one may not become', async ({ db }) => {
    await db.query(`${SOUND} grant select on contacts to app_reader`);
    const report = await (await projectOf(db, { apiSchemas: ['public'] }, db.readerUrl)).report('rls-check');
    expect(report.data.roles).toMatchObject({ evaluatedAs: ['app_reader'] });
    expect(checkOf(report, 'policy-always-true')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('public.contacts and public.tenant: cannot become'),
    });
  });

  test('a catalog that is closed leaves everything open', async ({ db }) => {
    await db.query(prelude);
    await db.superQuery('revoke select on pg_catalog.pg_policy from public');
    const report = await (await projectOf(db)).report('rls-check');
    expect(report.exitCode).toBe(1);
    expect(new Set(report.checks.map(({ status }: { status: string }) => status))).toEqual(new Set(['unknown']));
    expect(checkOf(report, 'no-policy').remediation).toBe('grant select on pg_catalog."pg_policy" to "app_owner";');
  });

  test('schemas of the API that nobody named are assumed and said', async ({ db }) => {
    await db.query(`${prelude} create schema api; grant usage on schema api to anon;
      create table api.open_table (id int); grant select on api.open_table to anon;
      create schema closed; create table closed.unseen (id int);`);
    const report = await (await projectOf(db, {})).report('rls-check');
    expect(checkOf(report, 'exposed-schemas')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('api, public'),
      remediation: expect.stringContaining('tenancy.apiSchemas'),
    });
    expect(found(report)).toContain('rls-not-enabled api.open_table');
    expect(report.data.tables.map(({ table }: { table: string }) => table)).not.toContain('closed.unseen');
  });

  test('a policy that takes too long, or writes, is left open', async ({ db }) => {
    await db.query(`${prelude}
      create function slow() returns uuid language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
      create sequence n;
      create function writes() returns uuid language plpgsql as $$ begin perform nextval('n'); return null; end $$;
      create table of_slow (id int, tenant_id uuid not null); select isolate('of_slow', 'tenant_id = (select slow())');
      create table of_writes (id int, tenant_id uuid not null);
      select isolate('of_writes', 'tenant_id = (select writes())');`);
    const facts = await factsOf(db.url, {}, { lockTimeoutMs: 100, statementTimeoutMs: 500 });
    const reasonOf = (table: string) => {
      const { policyClass } = [...facts.tables.values()].find(({ name }) => name === table)!;
      return facts.classes.get(policyClass!)!.openBecause;
    };
    expect(reasonOf('of_slow')).toBe('a policy takes too long to evaluate');
    expect(reasonOf('of_writes')).toBe('a policy writes, which it may not here');
    expect(reasonOf('tenant')).toBeUndefined();
  });

  test('a table that somebody has locked is waited for by nobody, and the others are judged', async ({ db }) => {
    await db.query(`${prelude}
      create table locked (id int, tenant_id uuid not null, secret text); select isolate('locked', 'secret = ''x''');
      create table leaky (id int, tenant_id uuid not null); select isolate('leaky', 'true')`);
    const locker = await db.connect();
    await locker.query('begin; lock table locked in access exclusive mode');
    const report = await (await projectOf(db)).report('rls-check');
    expect(checkOf(report, 'policy-without-tenant-column')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('public.locked: its policies could not be read: the table is locked'),
    });
    expect(found(report)).toContain('policy-always-true public.leaky');
    const verdicts = report.data.tables.map(({ table, verdict }: Record<string, string>) => `${table} ${verdict}`);
    expect(verdicts).toContain('public.locked unknown');
    await locker.query('rollback');
  });
});

describe('the scope', () => {
  test('is what PostgREST serves, where its role says so', async ({ db }) => {
    await db.query(
      `create schema api; create table api.served (id int); create schema other; create table other.t (id int)`,
    );
    await db.superQuery(`alter database ${db.name} set pgrst.db_schemas = 'api, missing'`);
    const facts = await factsOf(db.url, { apiSchemas: undefined });
    expect(facts.exposure).toEqual({ schemas: ['api'], source: 'pgrst.db_schemas' });
    expect(facts.schemas).toEqual(['api', 'public']);
  });

  test('is any number of schemas that are named', async ({ db }) => {
    await db.query(
      'create schema a; create table a.t (id int); create schema "B "" b"; create table "B "" b".t (id int)',
    );
    const report = await (await projectOf(db)).report('rls-check', '--schema', 'a', '--schema', 'B " b');
    expect(found(report)).toEqual(['rls-not-enabled "B "" b".t', 'rls-not-enabled a.t']);
  });

  test('has no tables of extensions, of the server and of other sessions', async ({ db }) => {
    await db.superQuery('create extension pg_stat_statements; create table of_extension (id int)');
    await db.superQuery('alter extension pg_stat_statements add table of_extension');
    const other = await db.connect();
    await other.query('create temp table of_session (id int)');
    expect([...(await factsOf(db.url, { schemas: ['public', 'pg_catalog'] })).tables.values()]).toEqual([]);
  });
});

test('a setting of any name is found where policies or their functions read it', async ({ db }) => {
  await db.query(`${prelude}
    create function org() returns uuid language plpgsql stable as $$
      begin return nullif(current_setting('crm.org', true), '')::uuid; end $$;
    create table by_function (id int, tenant_id uuid not null); select isolate('by_function', 'tenant_id = (select org())');
    create table by_text (id int, tenant_id uuid not null);
    select isolate('by_text', $$tenant_id = (select nullif(current_setting('crm.org', true), '')::uuid)$$);
    create table unsafe (id int, tenant_id uuid not null); alter table unsafe enable row level security;`);
  const facts = await factsOf(db.url);
  const table = [...facts.tables.values()].find(({ name }) => name === 'by_function')!;
  const expressions = facts.classes.get(table.policyClass!)!.expressions;
  const [expression] = expressions.known ? [...expressions.value.values()] : [];
  const own = expression!.evaluations.filter(({ context }) => context === 'own');
  expect(own.map(({ truths }) => truths.slice(0, 2))).toEqual(own.map(() => [true, false]));
  expect(own.length).toBeGreaterThan(0);
  expect(facts.tenantSettings[0]).toBe('crm.org');
});

test('looking reads no row of any table', async ({ db }) => {
  await db.query(`${prelude}
    create table contacts (id int, tenant_id uuid not null); select isolate('contacts', 'true');
    insert into contacts select n, gen_random_uuid() from generate_series(1, 100) n; analyze contacts`);
  const scans = async () => {
    const [row] = await db.superQuery<{ scans: number }>(
      "select seq_scan::int as scans from pg_stat_user_tables where relname = 'contacts'",
    );
    return row!.scans;
  };
  const before = await scans();
  await factsOf(db.url);
  // A scan that is counted shows that the others would have been.
  const reader = await db.connect(db.superUrl);
  await reader.query('select count(*) from contacts');
  await reader.end();
  await expect.poll(scans, { timeout: 20_000 }).toBe(before + 1);
});

test('no REVOKE is offered of a function that defaults, constraints, indexes, views or functions need', async ({
  db,
}) => {
  await db.query(`${prelude}
    create function next_no() returns int language sql security definer set search_path = '' as 'select 1';
    create function is_fine(n int) returns boolean language sql immutable security definer set search_path = '' as 'select true';
    create function shown() returns int language sql security definer set search_path = '' as 'select 1';
    create function unused() returns int language sql security definer set search_path = '' as 'select 1';
    create table "Bills %" (no int default next_no(), tenant_id uuid not null, constraint "fine?" check (is_fine(no)));
    create view v with (security_barrier) as select shown() as n;`);
  const facts = await factsOf(db.superUrl);
  const { findings } = judgeFacts(facts, [await loadCheck('definer-function-exposed')], []);
  const of = (name: string) => findings.find(({ object }) => object.startsWith(`public.${name}(`));
  expect(of('next_no')).toMatchObject({
    fix: undefined,
    message: expect.stringContaining('default value for public."Bills %".no would fail'),
  });
  expect(of('is_fine')?.message).toContain('"fine?" on public."Bills %" would fail');
  expect(of('is_fine')?.fix).toBeUndefined();
  expect(of('shown')?.message).toContain('view public.v would fail');
  expect(of('shown')?.fix).toBeUndefined();
  expect(of('unused')?.fix).toBe('revoke execute on routine "public"."unused"() from public;');
});
