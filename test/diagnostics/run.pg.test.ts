/** @module-tag since-13 */
import { type Definition, parseDefinition } from '../../src/diagnostics/definition.ts';
import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import type { CommandResult } from '../../src/report/report.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { diagnose, foundBy } from './run.ts';

/** A check whose rows are all findings. */
function checkOf(id: string, sql: string, more = ''): Definition {
  const header = `-- Title: ${id}\n-- Category: schema\n-- Severity: warning\n${more}-- Message: found\n-- Remediation: mend it\n-- Why: x\n-- Manual: none`;
  const parsed = parseDefinition(`${id}.sql`, `${header}\n\n${sql}`);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.definition;
}

const finds = checkOf('finds', "select 'x' as object");
const passes = checkOf('passes', 'select 1 as object where false');

const statuses = ({ checks = [] }: CommandResult) => Object.fromEntries(checks.map(({ id, status }) => [id, status]));
const reasonOf = ({ checks = [] }: CommandResult, id: string) => checks.find((check) => check.id === id)?.reason;
const remedyOf = ({ checks = [] }: CommandResult, id: string) => checks.find((check) => check.id === id)?.remediation;

async function login(db: TestDatabase, rights: (role: string) => string): Promise<string> {
  const role = `only "connect" ${db.name}`;
  await db.superQuery(`create role ${quoteIdentifier(role)} login password 'secret'; ${rights(quoteIdentifier(role))}`);
  const url = new URL(db.url);
  url.username = encodeURIComponent(role);
  url.password = 'secret';
  return url.href;
}

async function dropLogin(db: TestDatabase): Promise<void> {
  const role = quoteIdentifier(`only "connect" ${db.name}`);
  await db.superQuery(`drop owned by ${role}; drop role ${role}`);
}

test('a check that fails is undecided and leaves the others alone', async ({ db }) => {
  await db.query('create table t (id int)');
  const result = await diagnose(db.url, [
    checkOf('fails', 'select 1 / 0 as object'),
    checkOf('writes', 'with made as (insert into public.t values (1) returning id) select id as object from made'),
    checkOf('doubles', 'select 1 as object where false; drop table public.t'),
    checkOf('misnames', 'select 1 as thing'),
    finds,
    passes,
  ]);
  expect(statuses(result)).toEqual({
    fails: 'unknown',
    writes: 'unknown',
    doubles: 'unknown',
    misnames: 'unknown',
    finds: 'failed',
    passes: 'passed',
  });
  expect(reasonOf(result, 'fails')).toBe('its query failed: division by zero (SQLSTATE 22012)');
  expect(reasonOf(result, 'writes')).toContain('in a read-only transaction');
  expect(reasonOf(result, 'doubles')).toContain('cannot insert multiple commands into a prepared statement');
  expect(reasonOf(result, 'misnames')).toBe('misnames.sql: its query returns no column object');
  expect(foundBy(result)).toEqual(['warning x']);
  expect(await db.query('select * from t')).toEqual([]);
});

test('a check that takes too long or meets a lock is undecided', async ({ db }) => {
  await db.query('create table t (id int)');
  const holder = await db.connect();
  await holder.query('begin; lock table t');
  const checks = [
    checkOf('sleeps', 'select pg_sleep(60)::text as object'),
    checkOf('waits', 'select id as object from public.t'),
    passes,
  ];
  const result = await diagnose(db.url, checks, { connections: 1, timeoutMs: 400 });
  expect(statuses(result)).toEqual({ sleeps: 'unknown', waits: 'unknown', passes: 'passed' });
  expect(reasonOf(result, 'sleeps')).toContain('took longer than 400 ms');
  expect(reasonOf(result, 'waits')).toContain('waited 250 ms for a lock that another session holds');
});

test('a connection that is lost costs one check', async ({ db }) => {
  const suicide = checkOf('dies', 'select pg_terminate_backend(pg_backend_pid())::text as object');
  const result = await diagnose(db.url, [suicide, finds, passes], { connections: 1 });
  expect(statuses(result)).toEqual({ dies: 'unknown', finds: 'failed', passes: 'passed' });
  expect(reasonOf(result, 'dies')).toContain('terminating connection');
});

test('one connection does all the work when there are no more to be had', async ({ db }) => {
  const url = await login(db, (role) => `alter role ${role} connection limit 1`);
  const many = Array.from({ length: 8 }, (_, n) => checkOf(`c${n}`, 'select 1 as object where false'));
  const result = await diagnose(url, many, { connections: 4 });
  expect(new Set(Object.values(statuses(result)))).toEqual(new Set(['passed']));
  await dropLogin(db);
});

test('checks run side by side', async ({ db }) => {
  await db.query(`
    create function public.meet(own int, other int) returns boolean language plpgsql as $$
    begin
      perform pg_advisory_lock_shared(own);
      for i in 1..2000 loop
        if exists (select from pg_locks where locktype = 'advisory' and objid = other
            and database = (select oid from pg_database where datname = current_database())) then perform pg_sleep(0.1); return true; end if;
        perform pg_sleep(0.005);
      end loop;
      raise 'nobody came';
    end $$
  `);
  // Each waits until it sees the other.
  const meet = (own: number, other: number) =>
    checkOf(`meets-${other}`, `select public.meet(${own}, ${other}) as object`);
  const result = await diagnose(db.url, [meet(71, 72), meet(72, 71)], { connections: 2 });
  expect(statuses(result)).toEqual({ 'meets-72': 'failed', 'meets-71': 'failed' });
});

test('an interrupted run ends at once and leaves nothing running', async ({ db }) => {
  const controller = new AbortController();
  const sleeper = checkOf('sleeps', "select pg_sleep(30)::text as object, 'sleeper-in-test' as mark");
  const run = diagnose(db.url, [sleeper], { signal: controller.signal });
  const running = async () =>
    (
      await db.superQuery(
        "select from pg_stat_activity where query like '%sleeper-in-test%' and pid <> pg_backend_pid()",
      )
    ).length;
  while ((await running()) === 0);
  controller.abort(new Error('stop'));
  await expect(run).rejects.toMatchObject({ kind: 'interrupted' });
});

test("nobody's function stands in for one of PostgreSQL", async ({ db }) => {
  await db.query(`
    create function public.lower(varchar) returns text language sql as $$ select 'hijacked' $$;
    create function public.version() returns text language sql as $$ select 'hijacked' $$
  `);
  const calls = checkOf('calls', "select lower('A'::varchar) || version() as object");
  const [finding] = (await diagnose(db.url, [calls])).findings!;
  expect(finding!.object).toMatch(/^aPostgreSQL/);
});

test('an extension is found in whatever schema it lies', async ({ db }) => {
  const uses = checkOf('uses', "select show_trgm('ab') is not null as object", '-- Needs:\n-- - extension pg_trgm\n');
  await db.superQuery('create schema "Ext, ""s"; create extension pg_trgm schema "Ext, ""s"');
  const hidden = await diagnose(db.url, [uses]);
  expect(remedyOf(hidden, 'uses')).toBe('grant usage on schema "Ext, ""s" to "app_owner";');
  await db.superQuery('grant usage on schema "Ext, ""s" to app_owner');
  expect(statuses(await diagnose(db.url, [uses]))).toEqual({ uses: 'failed' });
});

test('a role that may only connect gets unknown with the grant, never an empty table', async ({ db }) => {
  await db.query('create table public.users (id int, email text)');
  const url = await login(db, () => '');
  const needs = (what: string) => `-- Needs:\n-- - ${what}\n`;
  const result = await diagnose(url, [
    checkOf('activity', 'select 1 as object where false', needs('role pg_read_all_stats')),
    checkOf('people', 'select 1 as object where false', needs('table public.users (id, email)')),
    checkOf('texts', 'select 1 as object where false', needs('extension pg_stat_statements')),
    checkOf('unforeseen', 'select id as object from public.users'),
    checkOf('elsewhere', 'select 1 as object where false', needs('table public.nowhere (id)')),
  ]);
  expect(statuses(result)).toEqual({
    activity: 'unknown',
    people: 'unknown',
    texts: 'unknown',
    unforeseen: 'unknown',
    elsewhere: 'not-applicable',
  });
  const role = quoteIdentifier(`only "connect" ${db.name}`);
  expect(remedyOf(result, 'activity')).toBe(`grant pg_read_all_stats to ${role};`);
  expect(remedyOf(result, 'people')).toBe(`grant select on "public"."users" to ${role};`);
  expect(remedyOf(result, 'texts')).toBe('create extension pg_stat_statements;');
  expect(reasonOf(result, 'unforeseen')).toContain('permission denied for table users');
  expect(remedyOf(result, 'unforeseen')).toBe(`grant select on table "users" to ${role};`);
  await dropLogin(db);
});

test('rows that a policy hides are never missing unnoticed', async ({ db }) => {
  await db.query(`
    create table public.users (id int);
    insert into public.users values (1);
    alter table public.users enable row level security;
    alter table public.users force row level security
  `);
  const counts = 'select id as object from public.users';
  const checks = [
    checkOf('declared', counts, '-- Needs:\n-- - table public.users (id)\n'),
    checkOf('undeclared', counts),
  ];
  const bound = await diagnose(db.url, checks);
  expect(statuses(bound)).toEqual({ declared: 'unknown', undeclared: 'unknown' });
  expect(remedyOf(bound, 'declared')).toContain('alter role "app_owner" bypassrls;');
  expect(remedyOf(bound, 'undeclared')).toContain('alter role "app_owner" bypassrls;');
  expect(foundBy(await diagnose(db.superUrl, checks))).toEqual(['warning 1', 'warning 1']);
});

test('of several variants the one for this server runs', async ({ db }) => {
  const [row] = await db.query<{ major: number }>("select current_setting('server_version_num')::int / 10000 as major");
  const { major } = row!;
  const variant = (file: string, versions: string) => ({
    ...checkOf(file, `select '${file}' as object`, `-- Id: versioned\n${versions}`),
  });
  const result = await diagnose(db.url, [
    variant('older', `-- Max-PG: ${major - 1}\n`),
    variant('ours', `-- Min-PG: ${major}\n-- Max-PG: ${major}\n`),
    variant('newer', `-- Min-PG: ${major + 1}\n`),
    checkOf('future', 'select nothing', `-- Min-PG: ${major + 1}\n`),
  ]);
  expect(foundBy(result)).toEqual(['warning ours']);
  expect(result.checks).toMatchObject([
    { id: 'versioned', status: 'failed' },
    {
      id: 'future',
      status: 'not-applicable',
      reason: `is for PostgreSQL ${major + 1} or later; this is ${major}`,
    },
  ]);
});

test("schemas of the platform and ignored ones are left out, a project's own are not", async ({ db }) => {
  const schemas = checkOf(
    'schemas',
    `select nspname as object from pg_namespace
     where nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])`,
  );
  await db.query('create schema auth; create schema "ig,n{o}""r\\ed"');
  const found = async (more = {}) => foundBy(await diagnose(db.url, [schemas], more)).map((line) => line.slice(8));
  expect(await found()).toEqual(['auth', 'ig,n{o}"r\\ed', 'public']);
  expect(await found({ ignoreSchemas: ['ig,n{o}"r\\ed'] })).toEqual(['auth', 'public']);
});

test('what --exact could not measure is undecided, and the rest is measured', async ({ db }) => {
  await db.superQuery('create extension pgstattuple');
  await db.query(`
    create table free (id int) with (autovacuum_enabled = off);
    create table locked (id int primary key) with (autovacuum_enabled = off);
    insert into free select generate_series(1, 50000);
    insert into locked select generate_series(1, 50000);
    analyze
  `);
  const holder = await db.connect();
  await holder.query('begin; lock table locked');
  const exact = loadDefinitions().filter(({ onRequest }) => onRequest === 'exact');
  const limit = { thresholds: { info: null, warning: 'wasted >= 100 kB and percent >= 50' } };
  const settings = { 'table-bloat-exact': limit, 'index-bloat-exact': limit };
  const result = await diagnose(db.url, exact, { settings });
  expect(result.checks).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }]);
  expect(reasonOf(result, 'table-bloat-exact')).toBe('public.locked is locked');
  expect(reasonOf(result, 'index-bloat-exact')).toBe('public.locked_pkey is locked');
  expect(foundBy(result)).toEqual([]);
});

test('bloat is not estimated for a role that may not see the statistics', async ({ db }) => {
  await db.query(`
    create table secret (id int) with (autovacuum_enabled = off);
    insert into secret select generate_series(1, 50000);
    create index on secret (id);
    analyze secret
  `);
  const url = await login(db, () => '');
  const estimates = loadDefinitions().filter(({ id }) => ['table-bloat', 'index-bloat'].includes(id));
  const limit = { thresholds: { info: null, warning: 'wasted >= 100 kB and percent >= 50' } };
  const result = await diagnose(url, estimates, { settings: { 'table-bloat': limit, 'index-bloat': limit } });
  expect(statuses(result)).toEqual({ 'table-bloat': 'unknown', 'index-bloat': 'unknown' });
  expect(reasonOf(result, 'table-bloat')).toContain('the statistics of public.secret are hidden from');
  const role = quoteIdentifier(`only "connect" ${db.name}`);
  const grant = `grant select on public.secret to ${role};`;
  expect(remedyOf(result, 'table-bloat')).toBe(grant);
  expect(remedyOf(result, 'index-bloat')).toBe(grant);
  await db.query(grant);
  const informed = await diagnose(url, estimates, { settings: { 'table-bloat': limit, 'index-bloat': limit } });
  expect(statuses(informed)).toEqual({ 'table-bloat': 'passed', 'index-bloat': 'passed' });
  await dropLogin(db);
});

test('a sequence that may not be read is named with the grants that decide it, one after the other', async ({ db }) => {
  await db.query(`
    create schema "Own ""numbers"; create sequence "Own ""numbers"."of %" as smallint;
    select setval('"Own ""numbers"."of %"', 32000)
  `);
  const url = await login(db, () => '');
  const checks = loadDefinitions().filter(({ id }) => id === 'sequence-exhaustion');
  const grants: (string | undefined)[] = [];
  for (let step = 0; step < 2; step++) {
    const result = await diagnose(url, checks);
    expect(result).toMatchObject({ findings: [], text: 'Nothing was found, but 1 check could not be decided.' });
    grants.push(remedyOf(result, 'sequence-exhaustion'));
    await db.query(grants.at(-1)!);
  }
  const role = quoteIdentifier(`only "connect" ${db.name}`);
  expect(grants).toEqual([
    `grant usage on schema "Own ""numbers" to ${role};`,
    `grant select on sequence "Own ""numbers"."of %" to ${role};`,
  ]);
  expect(foundBy(await diagnose(url, checks))).toEqual(['critical "Own ""numbers"."of %"']);
  await dropLogin(db);
});
