/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check as apiTable } from '../../src/tenancy/findings/api-table-without-tenant-column.ts';
import { check as opens } from '../../src/tenancy/findings/policy-opens-other-tenants.ts';
import { expect } from '../support/database.ts';
import { test } from './database.ts';
import { proofWithFacts } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

/** A table whose documents say whose a row is, and nothing else. */
const documents = (name: string, condition: string) => `
  create table "${name}" (id int generated always as identity primary key, "data %" jsonb not null);
  select isolate('"${name}"', $$${condition}$$);`;

const OWN = `("data %" ->> 'tenant_id')::uuid = (select own_tenant())`;

test.for(['policies', 'rows'] as const)(
  'documents say whose a row is where no column does (%s)',
  async (how, { db }) => {
    await db.query(`${prelude}
    ${documents('sound', OWN)}
    ${documents('as text', `"data %" ->> 'tenant_id' = (select own_tenant()::text)`)}
    ${documents('contained', `"data %" @> jsonb_build_object('tenant_id', (select own_tenant()))`)}
    ${documents('within', `"data %" -> 'meta' ->> 'tenant_id' = (select own_tenant()::text)`)}
    ${documents('or public', `${OWN} or "data %" ->> 'status' = 'it''s public'`)}
    ${documents('or nobodys', `${OWN} or "data %" ->> 'tenant_id' is null`)}
    ${documents('or one', `"data %" ->> 'tenant_id' in ((select own_tenant()::text), 'acme')`)}
    ${documents('writes', OWN)} create policy loose on writes for insert with check ("data %" ? 'tenant_id');
    ${documents('open', 'true')}
    ${documents('says nothing', `"data %" ->> 'status' = 'it''s public'`)}`);
    const { proof, facts } = await proofWithFacts(db.url, {}, how);
    const verdicts = proof.tables.map(({ table: { name }, verdict, reason }) => [name, verdict, reason]);
    expect(verdicts).toEqual([
      ['as text', 'proved', undefined],
      ['contained', 'proved', undefined],
      ['open', 'refuted', expect.any(String)],
      ['or nobodys', 'refuted', expect.stringContaining('a row without a tenant')],
      ['or one', 'refuted', expect.stringMatching(/a row of another tenant with data % = .*"acme"/)],
      ['or public', 'refuted', expect.stringContaining("it's public")],
      ['says nothing', 'refuted', expect.any(String)],
      ['sound', 'proved', undefined],
      ['tenant', 'proved', undefined],
      ['within', 'proved', undefined],
      ['writes', 'refuted', expect.stringMatching(/^as authenticated: INSERT passes a row of/)],
    ]);
    const found = (check: typeof opens) => check.judge(facts).findings.map(({ object }) => object);
    expect(found(opens)).toEqual(['public."or one"', 'public."or public"', 'public.writes']);
    expect(found(apiTable).sort()).toEqual([
      'public."or nobodys"',
      'public."or public"',
      'public."says nothing"',
      'public.open',
    ]);
  },
);
