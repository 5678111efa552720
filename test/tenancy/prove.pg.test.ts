/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { proofOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

/** A table with its tenant's column and a sound policy; more is done to it by the SQL that follows. */
const table = (name: string, condition = 'tenant_id = (select own_tenant())') => `
  create table ${name} (id int, tenant_id uuid not null references tenant, note text);
  select isolate('${name}', $$${condition}$$);`;

/** A table with a column of many a type. */
const typed = (condition: string) => `
  create type zipped as (street text, zip text);
  create domain art as text check (value <> '');
  create table t (tenant_id uuid not null, note text, meta jsonb, tags text[], during tstzrange, ip inet,
    made timestamptz, place zipped, "Art %" art);
  select isolate('t', $$${condition}$$);`;

describe('policies that are sound are proved, and what gets through refutes:', () => {
  const cases: readonly (readonly [name: string, sql: string, verdict: string, statement?: RegExp])[] = [
    ['a sound policy', table('t'), 'proved'],
    ['hostile names', table('"T ""%s"" </script> ü"'), 'proved'],
    [
      'a column that nothing else calls the tenant',
      `create table t (id int, "Org %" uuid not null); select isolate('t', '"Org %" = (select own_tenant())')`,
      'proved',
    ],
    [
      'a table of tenants that nothing refers to',
      `create table t (id uuid primary key, status text); select isolate('t', 'id = (select own_tenant())')`,
      'proved',
    ],
    [
      'such a table by more of its columns',
      `create table t (id uuid primary key, parent uuid, kind int, code text);
       select isolate('t', $$id = (select own_tenant()) and (kind < 3 or code = 'x' or parent is null)$$)`,
      'proved',
    ],
    [
      'such a column, and a condition that opens the rest',
      `create table t (id int, "Org %" uuid not null); select isolate('t', '"Org %" = (select own_tenant()) or id = 3')`,
      'refuted',
    ],
    [
      'such a column that is confused with those that are like it',
      `create table t (id int, org uuid not null);
       select isolate('t', $$left(org::text, 30) = left((select own_tenant())::text, 30)$$)`,
      'refuted',
    ],
    [
      'such a column, and a tenant for who names none',
      `create table t (id int, org uuid not null);
       select isolate('t', $$org = coalesce((select own_tenant()), 'aaaaaaaa-0000-4000-8000-00000000000a')$$)`,
      'refuted',
    ],
    [
      'such a column that is shown whoever writes it',
      `create table t (id int, org uuid not null); select isolate('t', 'org = (select own_tenant())');
       create policy loose on t for insert with check (true)`,
      'refuted',
      /^insert/,
    ],
    [
      'two columns of which each opens a row',
      `create table t ("from" uuid not null, "to" uuid not null);
       select isolate('t', '(select own_tenant()) in ("from", "to")')`,
      'refuted',
    ],
    [
      'two columns of which each must hold it',
      `create table t ("from" uuid not null, "to" uuid not null);
       select isolate('t', '"from" = (select own_tenant()) and "to" = (select own_tenant())')`,
      'proved',
    ],
    ['a policy that is true', table('t', 'true'), 'refuted', /^select \* from "public"."t";$/],
    ['a policy that compares with itself', table('t', 'tenant_id = tenant_id'), 'refuted', /^select/],
    ['a policy that opens on a value', table('t', `tenant_id = (select own_tenant()) or note = 'x'`), 'refuted'],
    [
      'rows that may be moved to another tenant',
      `${table('t')} alter policy tenant_isolation on t with check (true)`,
      'refuted',
      /^(insert|update)/,
    ],
    [
      'a sound SELECT policy and an open DELETE policy, which only a blind DELETE shows',
      `${table('t')} create policy loose on t for delete using (true)`,
      'refuted',
      /^delete from "public"."t";$/,
    ],
    [
      'an open UPDATE policy, which only a blind UPDATE shows',
      `${table('t')} create policy loose on t for update using (true) with check (tenant_id = (select own_tenant()))`,
      'refuted',
      /^update "public"."t" set "tenant_id" = default;$/,
    ],
    [
      'an open policy behind a restrictive one',
      `${table('t', 'true')} create policy r on t as restrictive
      using (tenant_id = (select own_tenant()))`,
      'proved',
    ],
    ['RLS that is not enabled', `${table('t')} alter table t disable row level security`, 'refuted', /^select/],
    ['RLS that is not forced', `${table('t')} alter table t no force row level security`, 'refuted', /^select/],
    [
      'a session without a tenant that sees everything',
      table('t', `tenant_id = (select own_tenant()) or (select own_tenant()) is null`),
      'refuted',
    ],
    [
      'a role that a restrictive policy shuts out',
      `${table('t')} grant select on t to anon; create policy "no %" on t as restrictive to anon using (false)`,
      'proved',
    ],
    [
      'a role for whom there is only a policy that is false',
      `create table t (tenant_id uuid not null); alter table t enable row level security;
       alter table t force row level security; grant select, insert on t to anon, authenticated;
       create policy own on t to authenticated, current_user using (tenant_id = (select own_tenant()));
       create policy "no %" on t to anon using (1 = 2)`,
      'proved',
    ],
    [
      'a role that sees nothing for what its sessions may not say',
      `${table('t')} grant select on t to anon; create policy maybe on t as restrictive to anon
        using (current_setting('app.unheard_of', true) = 'yes')`,
      'not-provable',
    ],
    [
      'an owner whose sessions have another role in their claims than clients',
      table(
        't',
        `tenant_id = (select own_tenant())
        and (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role') = 'authenticated'`,
      ),
      'proved',
    ],
    ['a policy that shows nobody anything', table('t', 'false'), 'not-provable'],
    ['a policy of the wrong column', table('t', `note = current_setting('app.current_tenant_id', true)`), 'refuted'],
    ...[
      ["meta ->> 'public' = 'true'", 'refuted'],
      ['meta @> \'{"share": {"with": "*"}}\'', 'refuted'],
      ["'public' = any (tags)", 'refuted'],
      ['upper(during) < now()', 'refuted'],
      ["ip << '10.0.0.0/8'", 'refuted'],
      ["made between now() - interval '1 day' and now() + interval '1 day'", 'refuted'],
      ["(place).zip = 'open'", 'not-provable'],
      ["starts_with(note, 'pub') and note <> 'pub'", 'not-provable'],
      ['"Art %" ~ \'^pub[a-z]+c$\'', 'not-provable'],
    ].map(([condition, verdict]): [string, string, string] => [
      `a row that is others' as well if ${condition}`,
      `${typed(`tenant_id = (select own_tenant()) or ${condition}`)}`,
      verdict!,
    ]),
    ...['note::int = 5', "(meta ->> 'level')::int > 3", '"Art %" = \'x\'', "'a' = any (tags)", 'during @> now()'].map(
      (condition): [string, string, string] => [
        `a row that is one's own only if ${condition}`,
        typed(`tenant_id = (select own_tenant()) and ${condition}`),
        'proved',
      ],
    ),
    ...['role', 'is_admin'].map((key): [string, string, string] => [
      `whoever says so of himself: ${key}`,
      table(
        't',
        `tenant_id = (select own_tenant())
        or ((nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata') ->> '${key}') = 'true'`,
      ),
      'refuted',
    ]),
    ...[
      ['left(tenant_id::text, 4) = left((select own_tenant())::text, 4)', 'refuted'],
      ['right(tenant_id::text, 4) = right((select own_tenant())::text, 4)', 'refuted'],
      ["split_part(tenant_id::text, '-', 3) = split_part((select own_tenant())::text, '-', 3)", 'refuted'],
      ['substr(tenant_id::text, 3, 20) = substr((select own_tenant())::text, 3, 20)', 'refuted'],
      ['abs(hashtext(tenant_id::text) % 16) = abs(hashtext((select own_tenant())::text) % 16)', 'refuted'],
      ['tenant_id::varchar(8) = (select own_tenant())::varchar(8)', 'refuted'],
      ['lower(tenant_id::text) = lower((select own_tenant())::text)', 'proved'],
      ["replace(tenant_id::text, '-', '') = replace((select own_tenant())::text, '-', '')", 'proved'],
      ["tenant_id::text like (select own_tenant())::text || '%'", 'proved'],
    ].map(([condition, verdict]): [string, string, string] => [
      `tenants whose identifiers are alike: ${condition}`,
      table('t', condition),
      verdict!,
    ]),
    ...[
      ['tenant_id % 10 = own % 10', 'refuted'],
      ['tenant_id % 7 = own % 7', 'refuted'],
      ['tenant_id / 100 = own / 100', 'refuted'],
      ['tenant_id & 255 = own & 255', 'refuted'],
      ['left(tenant_id::text, 2) = left(own::text, 2)', 'refuted'],
      ['tenant_id between own and own + 3', 'refuted'],
      ['tenant_id in (own, own + 1)', 'refuted'],
      ['tenant_id - own = 0', 'proved'],
      ['tenant_id between own and own', 'proved'],
    ].flatMap(([condition, verdict]) =>
      ['bigint', 'smallint'].map((type): [string, string, string] => [
        `tenants whose numbers are alike: ${condition} of ${type}`,
        `create table t (tenant_id ${type} not null, "n %" text); select isolate('t', $$${condition!.replaceAll(
          'own',
          `(select nullif(current_setting('app.current_tenant_id', true), '')::${type})`,
        )}$$);`,
        verdict!,
      ]),
    ),
    [
      'tenants whose numbers begin alike',
      `create table t (tenant_id bigint not null); select isolate('t',
        $$tenant_id::text like (select nullif(current_setting('app.current_tenant_id', true), '')) || '%'$$);`,
      'refuted',
    ],
    [
      'a table without a tenant column that nobody is let at',
      'create table t (id int); alter table t enable row level security; alter table t force row level security; create policy p on t using (false)',
      'closed',
    ],
    [
      "a table of rows that are a user's own",
      `create table "Pro ""files""" (id uuid primary key, nick text);
       select isolate('"Pro ""files"""', $$id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)$$)`,
      'proved',
    ],
    [
      'a table without a tenant column of which no session says enough',
      `create table t (id int, place uuid);
       select isolate('t', $$place = (select nullif(current_setting('app.uid', true), '')::uuid)$$)`,
      'not-provable',
    ],
    [
      "a table without a tenant column that is a service's own",
      `create table t (id int); select isolate('t', $$(select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role') = 'service_role'$$)`,
      'closed',
    ],
  ];

  test.for(cases)('%s', async ([, sql, verdict, statement], { db }) => {
    await db.query(`${prelude}${sql}`);
    const { tables, failedControl } = await proofOf(db.url);
    expect(failedControl).toBeUndefined();
    const proof = tables.find(({ table: { name } }) => name !== 'tenant')!;
    expect([proof.verdict, proof.reason]).toEqual([
      verdict,
      ['proved', 'closed'].includes(verdict) ? undefined : expect.any(String),
    ]);
    if (statement !== undefined) expect(proof.statement).toMatch(statement);
  });
});

test('what no row was found for is told with the condition, and rows prove nothing either', async ({ db }) => {
  await db.query(`${prelude}${table('"t %"', `tenant_id = (select own_tenant()) or length(note) % 7 = 13`)}`);
  for (const level of ['policies', 'rows'] as const) {
    const { tables } = await proofOf(db.url, {}, level);
    const proof = tables.find(({ table: { name } }) => name === 't %')!;
    expect([proof.verdict, proof.reason]).toEqual([
      'not-provable',
      'as authenticated: SELECT passes a row of another tenant in a session that never named a tenant if (length(note) % 7) = 13 can hold for it, and no row was found for which it does: read the policy, and if it is meant so, say so in tenancy.exceptions',
    ]);
  }
});

test('a policy that casts what columns hold does not fail for what was made up', async ({ db }) => {
  await db.query(
    `${prelude}${typed("tenant_id = (select own_tenant()) and (note::int > 3 or (meta ->> 'level')::int > 3)")}`,
  );
  const report = await (await projectOf(db)).report('rls-check', '--prove');
  expect(report.findings.filter(({ check }: { check: string }) => check === 'policy-fails')).toEqual([]);
});

test('a row may list its tenants, and takes nothing from the verdicts of other tables', async ({ db }) => {
  await db.query(`${prelude}${table('t')}
    create table "a list %" (tenant_ids uuid[] not null); select isolate('"a list %"', '(select own_tenant()) = any (tenant_ids)');
    create table leaky (tenant_ids uuid[] not null, note text);
    select isolate('leaky', $$(select own_tenant()) = any (tenant_ids) or note = 'x'$$);`);
  const { tables, failedControl } = await proofOf(db.url, { columns: ['tenant_id', 'tenant_ids'] });
  expect(failedControl).toBeUndefined();
  expect(tables.map(({ table: { name }, verdict }) => [name, verdict])).toEqual([
    ['a list %', 'proved'],
    ['leaky', 'refuted'],
    ['t', 'proved'],
    ['tenant', 'proved'],
  ]);
});

test('where a control comes out wrong, nothing is proved', async ({ db }) => {
  await db.query(`${prelude}${table('t')}`);
  const same = 'aaaaaaaa-0000-4000-8000-00000000000a';
  const { tables, failedControl } = await proofOf(db.url, { tenants: [same, same] });
  expect(failedControl).toMatch(/^the control "the tenant of the session" came out as refuted$/);
  expect(tables.map(({ verdict }) => verdict)).toEqual(['not-provable', 'not-provable']);
});

/** A project whose configuration says what no catalog does. */
function projectOf(db: TestDatabase, url = db.url) {
  const config = JSON.stringify({ tenancy: { apiSchemas: ['public'] } });
  return makeProject({ 'aisha-db.config.json': config }, { env: { DATABASE_URL: url } });
}

test('the report has a verdict for each table, and the statement that gets through', async ({ db }) => {
  await db.query(`${prelude}${table('open_table', 'true')}${table('sound')}`);
  const report = await (await projectOf(db)).report('rls-check', '--prove');
  expect(report.exitCode).toBe(1);
  const verdicts = report.data.tables.map((one: { table: string; verdict: string }) => [one.table, one.verdict]);
  expect(verdicts).toEqual([
    ['public.open_table', 'refuted'],
    ['public.sound', 'proved'],
    ['public.tenant', 'proved'],
  ]);
  expect(report.data.tables[0].proof).toMatchObject({
    level: 'policies',
    statement: 'select * from "public"."open_table";',
  });
  expect(report.findings).toContainEqual(
    expect.objectContaining({
      check: 'isolation-proof',
      severity: 'critical',
      object: 'public.open_table',
      remediation: 'What gets through: select * from "public"."open_table";',
    }),
  );
  expect(report.checks).toContainEqual(expect.objectContaining({ id: 'negative-controls', status: 'passed' }));
});

test('a role that cannot become the others proves nothing, and is told what to grant', async ({ db }) => {
  await db.query(prelude);
  const report = await (await projectOf(db, db.readerUrl)).report('rls-check', '--prove');
  expect(report.exitCode).toBe(1);
  expect(report.data.tables[0].verdict).toBe('not-provable');
  expect(report.checks).toContainEqual(
    expect.objectContaining({
      id: 'evaluated-roles',
      remediation: expect.stringMatching(/^grant .*"authenticated".* to "app_reader";$/),
    }),
  );
});

test('neither a row is read nor a lock waited for', async ({ db }) => {
  await db.query(`${prelude}${table('t')}`);
  await db.superQuery(
    `insert into t select n, 'aaaaaaaa-0000-4000-8000-00000000000a' from generate_series(1, 100) n; analyze t`,
  );
  const scans = async () =>
    (
      await db.superQuery<{ scans: number }>(
        "select seq_scan::int as scans from pg_stat_user_tables where relname = 't'",
      )
    )[0]!.scans;
  const before = await scans();
  await proofOf(db.url);
  // A scan that is counted shows that the others would have been.
  const reader = await db.connect(db.superUrl);
  await reader.query('select count(*) from t');
  await reader.end();
  await expect.poll(scans, { timeout: 20_000 }).toBe(before + 1);
  const locker = await db.connect();
  await locker.query('begin; lock table t in access exclusive mode');
  const { tables } = await proofOf(db.url);
  expect(tables.map(({ table: { name }, verdict }) => [name, verdict])).toEqual([
    ['t', 'not-provable'],
    ['tenant', 'proved'],
  ]);
  await locker.query('rollback');
});
