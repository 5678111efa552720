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
      'of %s "claim"': `${NOTHING}; its policies read what no session of the proof says: the claim app_metadata.org "é" % (if it carries the tenant, set tenancy.claims to {"app_metadata":{"org \\"é\\" %":"{tenant}"}})`,
      of_setting: `${NOTHING}; its policies read what no session of the proof says: the setting app.org (if it carries the tenant, add it to tenancy.settings)`,
      of_nobody: NOTHING,
      sound: 'proved',
    });
    const claims = JSON.parse(/set tenancy\.claims to (.*)\)$/.exec(reasons['of %s "claim"']!)![1]!);
    expect(await reasonsOf(db, how, { claims, settings: ['app.current_tenant_id', 'app.org'] })).toMatchObject({
      'of %s "claim"': 'proved',
      of_setting: 'refuted',
      sound: 'proved',
    });
  },
);
