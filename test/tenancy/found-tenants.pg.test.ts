/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject } from '../commands/project.ts';
import { expect } from '../support/database.ts';
import { test } from './database.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');
const A = 'aaaaaaaa-0000-4000-8000-00000000000a';
const B = 'bbbbbbbb-0000-4000-8000-00000000000b';

/** Of a policy that forgets to ask who the user is, and of one that does not; others look nowhere, or at nobody's. */
const SCHEMA = `
  create table members (tenant_id uuid not null references tenant, user_id uuid not null);
  select isolate('members');
  alter table members no force row level security;
  create function "user %"() returns uuid language sql stable
  as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  create function everybodys() returns setof uuid language sql stable security definer set search_path = ''
  as 'select tenant_id from public.members';
  create function mine() returns setof uuid language sql stable security definer set search_path = ''
  as 'select tenant_id from public.members where user_id = public."user %"()';
  create table "forgets %" (id int primary key, tenant_id uuid not null references tenant);
  select isolate('"forgets %"', 'tenant_id in (select everybodys())');
  create table asks (id int primary key, tenant_id uuid not null references tenant);
  select isolate('asks', 'tenant_id in (select mine())');
  create table plain (id int primary key, tenant_id uuid not null references tenant);
  select isolate('plain');
  create table closed (id int primary key, tenant_id uuid not null references tenant);
  select isolate('closed', 'false');
  create table not_granted (id int primary key, tenant_id uuid not null references tenant);
  select isolate('not_granted', 'tenant_id in (select mine())');
  revoke all on not_granted from authenticated, service_role;`;

const CONFIG = { tenancy: { apiSchemas: ['public'] } };
const LOOKING = ['public.asks', 'public."forgets %"'];

test('policies that find no member to ask them with are unknown, and judged where there are some', async ({ db }) => {
  await db.query(`${prelude}${SCHEMA}`);
  const project = await makeProject({ 'aisha-db.config.json': JSON.stringify(CONFIG) }, { env: db.env });
  const verdicts = (report: { data: { tables: { table: string; verdict: string }[] } }, verdict: string) =>
    report.data.tables.filter((one) => one.verdict === verdict).map(({ table }) => table);

  const empty = await project.report('rls-check');
  expect(empty.exitCode).toBe(1);
  expect(empty.checks).toContainEqual(
    expect.objectContaining({
      id: 'found-tenants',
      status: 'unknown',
      reason: expect.stringMatching(/^the policies of public\.asks and public\."forgets %" look tenants or users up/),
    }),
  );
  expect(verdicts(empty, 'unknown')).toEqual(LOOKING);

  await db.superQuery(`insert into members values ('${A}', gen_random_uuid()), ('${B}', gen_random_uuid())`);
  const full = await project.report('rls-check');
  expect(full.checks).toContainEqual(expect.objectContaining({ id: 'found-tenants', status: 'passed' }));
  expect(verdicts(full, 'unknown')).toEqual([]);
  expect(verdicts(full, 'critical')).toEqual(['public."forgets %"']);
});

test('a proof says it of each table itself', async ({ db }) => {
  await db.query(`${prelude}${SCHEMA}`);
  const project = await makeProject({ 'aisha-db.config.json': JSON.stringify(CONFIG) }, { env: db.env });
  for (const how of ['--prove', '--prove=rows']) {
    const { checks } = await project.report('rls-check', how);
    expect(checks.map(({ id }: { id: string }) => id)).not.toContain('found-tenants');
  }
});
