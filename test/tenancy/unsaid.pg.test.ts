/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TenancySettings } from '../../src/tenancy/settings.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { proofWithFacts } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

const SCHEMA = `
  create function token() returns jsonb language sql stable
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
  create table "of %s ""claim""" (id int primary key, tenant_id uuid not null references tenant);
  select isolate('"of %s ""claim"""', $$tenant_id = (select (token() -> 'app_metadata' ->> 'org "é" %')::uuid)$$);
  create table "of %s ""plan""" (id int primary key, tenant_id uuid not null references tenant);
  select isolate('"of %s ""plan"""', $$tenant_id = (select own_tenant()) and token() -> 'app_metadata' ->> 'plan "é" %' = 'pro'$$);
  create function org() returns uuid language plpgsql stable
  as $$ declare claims jsonb := token(); begin return (claims ->> 'user_id' || claims -> 'app_metadata' ->> 'org')::uuid;
  exception when others then return (claims ->> 'org_of_function')::uuid; end $$;
  create table of_function (id int primary key, tenant_id uuid not null references tenant);
  select isolate('of_function', $$tenant_id = (select org())$$);
  create table of_user (id int primary key, tenant_id uuid not null references tenant);
  select isolate('of_user', $$tenant_id = (select (token() -> 'user_metadata' ->> 'org')::uuid)$$);
  create function is_chosen() returns boolean language sql stable
  as $$ select coalesce((token() -> 'user_metadata' -> 'rights' ->> 'chosen')::boolean, false) $$;
  create table of_flag (id int primary key, tenant_id uuid not null references tenant);
  select isolate('of_flag', $$tenant_id = (select own_tenant()) or (select is_chosen())$$);
  create table of_setting (id int primary key, tenant_id uuid not null references tenant);
  select isolate('of_setting', $$tenant_id > (select nullif(current_setting('app.org', true), '')::uuid)$$);
  create table of_nobody (id int primary key, tenant_id uuid not null references tenant);
  select isolate('of_nobody', $$false and token() ->> 'sub' <> '' and token() -> 'user_metadata' ->> 'org' <> ''$$);
  create table sound (id int primary key, tenant_id uuid not null references tenant);
  select isolate('sound')`;

async function reasonsOf(db: TestDatabase, how: 'policies' | 'rows', settings: Partial<TenancySettings> = {}) {
  const { proof } = await proofWithFacts(db.superUrl, settings, how);
  return Object.fromEntries(
    proof.tables.map(({ table, verdict, reason }) => [table.name, verdict === 'not-provable' ? reason : verdict]),
  );
}

const NOTHING = 'as authenticated: the own tenant is shown nothing either';

test.for(['policies', 'rows'] as const)(
  'where the own tenant is shown nothing, the reason names what to configure (%s)',
  async (how, { db }) => {
    await db.query(`${prelude}${SCHEMA}`);
    const reasons = await reasonsOf(db, how);
    expect(reasons).toMatchObject({
      'of %s "claim"': 'proved',
      of_function: 'proved',
      of_user: 'refuted',
      of_flag: 'refuted',
      'of %s "plan"': `${NOTHING}; its policies read what no session of the proof says: the claim app_metadata.plan "é" % (if it carries the tenant, set tenancy.claims to {"app_metadata":{"plan \\"é\\" %":"{tenant}"}})`,
      of_setting: `${NOTHING}; its policies read what no session of the proof says: the setting app.org (if it carries the tenant, add it to tenancy.settings)`,
      of_nobody: NOTHING,
      sound: 'proved',
    });
    const told = /set tenancy\.claims to (.*)\)$/.exec(reasons['of %s "plan"']!)![1]!;
    const claims = JSON.parse(told.replace('{tenant}', 'pro'));
    expect(await reasonsOf(db, how, { claims, settings: ['app.current_tenant_id', 'app.org'] })).toMatchObject({
      'of %s "claim"': 'proved',
      'of %s "plan"': 'proved',
      of_setting: 'refuted',
      sound: 'proved',
    });
  },
);

test('a table that refers to rows whose column nobody named is told which one to name', async ({ db }) => {
  await db.query(`${prelude}
    create table project (id int primary key, "org %" uuid not null);
    select isolate('project', '"org %" = (select own_tenant())');
    create table task (id int primary key, project int not null references project);
    select isolate('task', 'exists (select from project p where p.id = project)')`);
  const reasons = await reasonsOf(db, 'rows');
  expect(reasons).toMatchObject({
    project: 'proved',
    task: expect.stringContaining('tenancy.columns (policies elsewhere compare org % with it)'),
  });
  expect(await reasonsOf(db, 'rows', { columns: ['tenant_id', 'org %'] })).toMatchObject({
    project: 'proved',
    task: 'proved',
  });
});
