/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { test } from './database.ts';
import { proofOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');
const A = 'aaaaaaaa-0000-4000-8000-00000000000a';
const B = 'bbbbbbbb-0000-4000-8000-00000000000b';

/** A table that is sound, and one whose owner is not bound: what looks at it as the owner sees every tenant. */
const TABLES = `${prelude}
  create table "sound %" (id int generated always as identity primary key, tenant_id uuid not null references tenant, note text);
  select isolate('"sound %"');
  create table open (id int generated always as identity primary key, tenant_id uuid not null references tenant, note text);
  select isolate('open'); alter table open no force row level security;`;

async function waysIn(db: TestDatabase, sql: string, callsWriters = false): Promise<Record<string, unknown>> {
  await db.query(sql);
  const { ways = [] } = await proofOf(db.url, {}, 'rows', callsWriters);
  return Object.fromEntries(ways.map(({ object, ...way }) => [object, way]));
}

test('rows of the other tenant are shown to come through views, and not through look-alikes', async ({ db }) => {
  const ways = await waysIn(
    db,
    `${TABLES} create view "leaks </script>" as select * from open; grant select on "leaks </script>" to authenticated;
    create view without_column as select note from open; grant select on without_column to authenticated;
    create view of_view as select upper(note) as note, note as same from without_column; grant select on of_view to authenticated;
    create view bound as select * from "sound %"; grant select on bound to authenticated;
    create view filtered as select * from open where tenant_id = (select own_tenant()); grant select on filtered to authenticated;
    create view not_granted as select * from open;
    create view of_nobody as select * from pg_catalog.pg_class; grant select on of_nobody to authenticated;`,
  );
  const refuted = {
    kind: 'view',
    verdict: 'refuted',
    reason: expect.stringMatching(
      /^as authenticated: a row of another tenant comes through the view in a session of one/,
    ),
  };
  expect(ways).toEqual({
    'public."leaks </script>"': {
      ...refuted,
      statement: expect.stringMatching(/^select \* from "public"."leaks <\/script>" seen where .* limit 1;$/),
    },
    'public.without_column': { ...refuted, statement: expect.stringMatching(/like any \(array\[.*'%probe-/) },
    'public.of_view': { ...refuted, statement: expect.any(String) },
    'public.bound': { kind: 'view', verdict: 'proved' },
    'public.filtered': { kind: 'view', verdict: 'proved' },
  });
});

test('rows are made as a view or function may like them, whosesoever they are', async ({ db }) => {
  const own = 'tenant_id = (select own_tenant())';
  const view = (name: string, condition: string) =>
    `create view ${name} as select id, tenant_id from rich where ${condition}; grant select on ${name} to authenticated;`;
  const ways = await waysIn(
    db,
    `${TABLES} create type "a kind" as enum ('own', 'it''s "public" %');
    create table rich (id int generated always as identity primary key, tenant_id uuid not null references tenant,
      note text, "is shown %" boolean not null default false, kind "a kind" not null default 'own', level smallint,
      tags text[], meta jsonb);
    select isolate('rich'); alter table rich no force row level security;
    ${view('by_word', `${own} or note like 'pub%'`)}
    ${view('by_switch', `${own} or "is shown %"`)}
    ${view('by_kind', `${own} or kind = 'it''s "public" %'`)}
    ${view('by_number', `${own} or level = 77`)}
    ${view('by_tag', `${own} or 'it''s' = any (tags)`)}
    ${view('by_key', `${own} or meta ->> 'share' = 'all'`)}
    ${view('of_view', 'id > 0')} create or replace view of_view as select * from by_word;
    ${view('sound', `${own} and (note like 'pub%' or "is shown %" or true)`)}
    create function by_word_too() returns setof rich language sql stable security definer set search_path = public
      as $$ select * from rich where ${own} or note = 'it''s' $$;
    create function sound_too() returns setof rich language sql stable security definer set search_path = public
      as $$ select * from rich where ${own} or (${own} and note = 'it''s') $$;`,
  );
  const verdicts = Object.entries(ways).map(([name, way]) => [name, (way as { verdict: string }).verdict]);
  expect(Object.fromEntries(verdicts)).toEqual({
    'public.by_word': 'refuted',
    'public.by_switch': 'refuted',
    'public.by_kind': 'refuted',
    'public.by_number': 'refuted',
    'public.by_tag': 'refuted',
    'public.by_key': 'refuted',
    'public.of_view': 'refuted',
    'public.sound': 'proved',
    'public.by_word_too()': 'refuted',
    'public.sound_too()': 'proved',
  });
});

test('a view that shows no row is judged by whether it changes with the rows of another tenant', async ({ db }) => {
  const views = {
    '"counted ü"': 'select count(*) from open',
    counted_own: 'select count(*) from open where tenant_id = (select own_tenant())',
    greatest_note: 'select max(note) from open',
    greatest_own: 'select max(note) from open where tenant_id = (select own_tenant())',
    several: 'select count(distinct tenant_id) > 1 as several from open',
    by_sound: 'select count(*) from "sound %"',
    nothing: 'select count(*) * 0 as nothing from open',
    restless: 'select count(*), clock_timestamp() from open',
    for_nobody: 'select count(*) from open where own_tenant() is null',
  };
  const ways = await waysIn(
    db,
    TABLES +
      Object.entries(views)
        .map(([name, sql]) => `create view ${name} as ${sql}; grant select on ${name} to authenticated;`)
        .join('\n'),
  );
  const changes = (session: string) => ({
    kind: 'view',
    verdict: 'refuted',
    reason: `as authenticated: what the view shows in ${session} changes when another tenant gets a row`,
    statement: expect.stringMatching(/^select \* from "public"\.".*";$/),
  });
  const open = (reason: string) => ({ kind: 'view', verdict: 'not-provable', reason: `as authenticated: ${reason}` });
  expect(ways).toEqual({
    'public."counted ü"': changes('a session of one tenant'),
    'public.counted_own': { kind: 'view', verdict: 'proved' },
    // Whether it is the other's row that comes out depends on chance, and that it may does not.
    'public.greatest_note': expect.objectContaining({ verdict: 'refuted' }),
    'public.greatest_own': { kind: 'view', verdict: 'proved' },
    'public.several': changes('a session of one tenant'),
    'public.by_sound': { kind: 'view', verdict: 'proved' },
    'public.nothing': open('what it shows does not change with the rows of its own tenant either'),
    'public.restless': open('what it shows changes by itself'),
    'public.for_nobody': changes('a session whose tenant is the empty string'),
  });
});

test('a view that looks at its tables as whoever asks is no way around them', async ({ db }) => {
  if (testServer().versionNumber < 150_000) return expect(testServer().versionNumber).toBeGreaterThan(0);
  const ways = await waysIn(
    db,
    `${TABLES} create view invoker with (security_invoker = true) as select * from open; grant select on invoker to authenticated;
    create schema hidden; grant usage on schema hidden to authenticated;
    create view hidden.inner_view as select * from open; grant select on hidden.inner_view to authenticated;
    create view outer_view with (security_invoker = true) as select * from hidden.inner_view;
    grant select on outer_view to authenticated;`,
  );
  expect(ways).toEqual({ 'public.outer_view': expect.objectContaining({ verdict: 'refuted' }) });
});

test('a materialized view is judged by what it holds, and is not filled again', async ({ db }) => {
  await db.query(TABLES);
  await db.superQuery(`insert into open (tenant_id, note) values ('${A}', 'a'), ('${B}', 'b')`);
  const ways = await waysIn(
    db,
    `create materialized view copy as select * from open; grant select on copy to authenticated;
    create materialized view without_column as select note from open; grant select on without_column to authenticated;
    create materialized view empty as select * from open where false; grant select on empty to authenticated;`,
  );
  expect(ways).toEqual({
    'public.copy': {
      kind: 'materialized view',
      verdict: 'refuted',
      reason: expect.stringContaining('comes through the materialized view'),
      statement: 'select * from "public"."copy" seen where seen."tenant_id" is not null limit 1;',
    },
    'public.without_column': expect.objectContaining({ verdict: 'not-provable' }),
    'public.empty': expect.objectContaining({ verdict: 'not-provable' }),
  });
});

test('functions are called where that can only read, and of the others it is said why not', async ({ db }) => {
  const define = (name: string, body: string, more = '') =>
    `create function ${name} ${more} language sql security definer set search_path = public as $$ ${body} $$;`;
  const ways = await waysIn(
    db,
    `${TABLES} ${define('"leaks ü"()', 'select * from open', 'returns setof open stable')}
    ${define('as_json()', 'select jsonb_agg(o) from open o', 'returns jsonb stable')}
    ${define('filtered()', 'select * from open where tenant_id = (select own_tenant())', 'returns setof open stable')}
    ${define('with_default(n int default 9)', 'select * from open', 'returns setof open stable')}
    ${define('volatile_one()', 'select * from open', 'returns setof open')}
    ${define('volatile_own()', 'select * from open where tenant_id = (select own_tenant())', 'returns setof open')}
    ${define('deletes(n int)', 'delete from open where id = n returning *', 'returns setof open')}
    ${define('deletes_silently()', 'delete from open', 'returns void')}
    create function calls_out() returns setof open language plpgsql security definer set search_path = public
      as $$ begin perform dblink_exec('', ''); return query select * from open; end $$;
    ${define('returns_nothing()', 'select', 'returns void stable')}
    ${define('lookup()', 'select own_tenant()', 'returns uuid stable')}
    create policy by_lookup on open as restrictive using (tenant_id = (select lookup()));
    create sequence n;
    create function writes() returns bigint language plpgsql stable security definer set search_path = public
      as $$ begin return nextval('n') from open; end $$;
    create procedure does() language sql security definer as 'select';
    create function invoker() returns setof open language sql stable as 'select * from open';`,
  );
  const refuted = { kind: 'function', verdict: 'refuted' };
  const untried = (reason: RegExp, kind = 'function') => ({
    kind,
    verdict: 'not-provable',
    reason: expect.stringMatching(reason),
  });
  expect(ways).toMatchObject({
    'public."leaks ü"()': {
      ...refuted,
      statement: expect.stringMatching(/^select \* from "public"."leaks ü"\(\) seen/),
    },
    'public.as_json()': refuted,
    'public.with_default(n integer)': refuted,
    'public.filtered()': { kind: 'function', verdict: 'proved' },
    // VOLATILE because nobody said otherwise: it reads all the same.
    'public.volatile_one()': refuted,
    'public.volatile_own()': { kind: 'function', verdict: 'proved' },
    'public.deletes(n integer)': untried(/read-only transaction/),
    'public.deletes_silently()': untried(/^it is called for what it does/),
    'public.calls_out()': untried(/^it reaches out of its transaction \(dblink_exec\)/),
    'public.writes()': untried(/read-only transaction/),
    'public.does()': untried(/^it is called for what it does/, 'procedure'),
  });
  expect(Object.keys(ways)).toHaveLength(11);
  // Nothing was counted up: a sequence is not undone by a rollback.
  expect(await db.query('select is_called from n')).toEqual([{ is_called: false }]);
});

test('functions with arguments are called with what belongs to either tenant', async ({ db }) => {
  const define = (name: string, body: string, more = 'returns setof open stable') =>
    `create function ${name} ${more} language sql security definer set search_path = public as $$ ${body} $$;`;
  const own = 'tenant_id = (select own_tenant())';
  const ways = await waysIn(
    db,
    `${TABLES} create type "a kind" as enum ('it''s', 'b');
    ${define('by_tenant(t uuid)', 'select * from open where tenant_id = t')}
    ${define('"By key %"(n int)', 'select * from open where id = n')}
    ${define('by_own_key(n int)', `select * from open where id = n and ${own}`)}
    ${define('by_note(n text)', 'select note, id, tenant_id from open where note = n', 'returns table (a text, b int, c uuid) stable')}
    ${define('by_own_note(n text)', `select * from open where note = n and ${own}`)}
    ${define('everything(switch boolean)', `select * from open where switch or ${own}`)}
    ${define('by_kind(k "a kind", n int)', `select * from open where ${own} or (k = 'it''s' and id = n)`)}
    ${define('count_of(t uuid)', 'select count(*) from open where tenant_id = t', 'returns bigint stable')}
    ${define('count_of_own(t uuid)', `select count(*) from open where tenant_id = t and ${own}`, 'returns bigint stable')}
    ${define('echo(t text)', 'select t', 'returns text stable')}
    create function helper(n int) returns setof open language sql stable set search_path = public as 'select * from open where id = n';
    ${define('through_another(n int)', 'select * from helper(n)')}
    ${define('by_default(t uuid default own_tenant())', 'select * from open where tenant_id = t')}
    ${define('by_own_default(t uuid, k int default 1)', `select * from open where tenant_id = t and ${own}`)}
    ${define('of_many(variadic "t %" uuid[])', 'select * from open where tenant_id = any ("t %")')}
    ${define('of_row(r open)', 'select * from open where id = r.id')}`,
  );
  const refuted = { kind: 'function', verdict: 'refuted' };
  const proved = { kind: 'function', verdict: 'proved' };
  const open = (reason: RegExp) => ({
    kind: 'function',
    verdict: 'not-provable',
    reason: expect.stringMatching(reason),
  });
  expect(ways).toMatchObject({
    'public.by_tenant(t uuid)': {
      ...refuted,
      statement: expect.stringMatching(/^select \* from "public"\."by_tenant"\('[0-9a-f-]{36}'::uuid\) seen where/),
    },
    'public."By key %"(n integer)': refuted,
    'public.by_own_key(n integer)': proved,
    'public.by_note(n text)': refuted,
    'public.by_own_note(n text)': open(/^no call of it showed a row of another tenant, but not every text/),
    'public.everything(switch boolean)': refuted,
    'public.by_kind(k public."a kind", n integer)': refuted,
    'public.count_of(t uuid)': {
      ...refuted,
      reason: expect.stringContaining('changes when another tenant gets a row'),
    },
    'public.count_of_own(t uuid)': proved,
    'public.echo(t text)': open(/does not change|no row comes out/),
    'public.through_another(n integer)': refuted,
    'public.by_default(t uuid)': {
      ...refuted,
      statement: expect.stringMatching(/"by_default"\('[0-9a-f-]{36}'::uuid\) seen where/),
    },
    'public.by_own_default(t uuid, k integer)': proved,
    'public.of_many(VARIADIC "t %" uuid[])': {
      ...refuted,
      statement: expect.stringMatching(/"of_many"\(variadic '\{"[0-9a-f-]{36}"\}'::uuid\[\]\)/),
    },
    'public.of_row(r public.open)': open(/does not change|no row comes out/),
  });
  expect(Object.keys(ways)).toHaveLength(15);
});

test('the report names the way with the statement, and what could not be tried is no green', async ({ db }) => {
  await db.query(`${TABLES} alter table open force row level security;
    create view leaks as select * from tenant; alter table tenant no force row level security;
    grant select on leaks to authenticated;
    create function asks(n int) returns void language sql security definer set search_path = public
      as 'delete from tenant';`);
  const config = JSON.stringify({ tenancy: { apiSchemas: ['public'] } });
  const project = await makeProject({ 'aisha-db.config.json': config }, { env: { DATABASE_URL: db.url } });
  const report = await project.report('rls-check', '--prove=rows');
  expect(report.exitCode).toBe(1);
  expect(report.data.ways.map(({ object, verdict }: Record<string, string>) => [object, verdict])).toEqual([
    ['public.leaks', 'refuted'],
    ['public.asks(n integer)', 'not-provable'],
  ]);
  expect(report.findings).toContainEqual(
    expect.objectContaining({
      check: 'isolation-proof',
      severity: 'critical',
      object: 'public.leaks',
      remediation: expect.stringMatching(/^What gets through: select \* from "public"."leaks" seen/),
    }),
  );
  const proof = report.checks.find(({ id }: { id: string }) => id === 'isolation-proof');
  expect(proof.reason).toContain('public.asks(n integer): it is called for what it does');
  // What was refuted does not hide why the rest was not proved.
  expect((await project.run('rls-check', '--prove=rows')).stdout).toMatch(
    /Not provable\n.*object +why\n[\s\S]*public\.asks\(n integer\) +it is called for what it does/,
  );
  const { stdout } = await project.run('rls-check', '--prove=rows');
  expect(stdout).toMatch(/Ways around the tables\n.*object +kind +verdict/);
});

test('what writes is called on demand, judged by the rows of either tenant, and undone', async ({ db }) => {
  const define = (name: string, body: string, returns = 'returns void') =>
    `create function ${name} ${returns} language sql security definer set search_path = public as $$ ${body} $$;`;
  const own = 'tenant_id = (select own_tenant())';
  const ways = await waysIn(
    db,
    `${TABLES}
    ${define('remove(n int)', 'delete from open where id = n')}
    ${define('remove_own(n int)', `delete from open where id = n and ${own}`)}
    ${define('"Touch %"(n int)', "update open set note = note || '!' where id = n returning *", 'returns setof open')}
    ${define('touch_own()', `update open set note = note || '!' where ${own} returning *`, 'returns setof open')}
    ${define('idle(n int)', 'select', 'returns void')}
    create procedure wipe() language sql security definer set search_path = public as 'delete from open';
    create procedure wipe_own() language sql security definer set search_path = public as 'delete from open where ${own}';
    create procedure commits() language plpgsql security definer as $$ begin delete from public.open; commit; end $$;`,
    true,
  );
  const of = (kind: string, verdict: string, reason?: RegExp) =>
    expect.objectContaining({ kind, verdict, ...(reason && { reason: expect.stringMatching(reason) }) });
  expect(ways).toEqual({
    'public.remove(n integer)': of(
      'function',
      'refuted',
      /a row of another tenant is shown or changed by the function/,
    ),
    'public.remove_own(n integer)': of('function', 'proved'),
    'public."Touch %"(n integer)': of('function', 'refuted'),
    'public.touch_own()': of('function', 'proved'),
    'public.wipe()': of('procedure', 'refuted'),
    'public.wipe_own()': of('procedure', 'proved'),
    'public.commits()': of('procedure', 'not-provable', /transaction termination/),
  });
  expect(await db.superQuery('select count(*)::int as n from open')).toEqual([{ n: 0 }]);
});

test('rows are given to another tenant through a view that writes as its owner, unless its option forbids it', async ({
  db,
}) => {
  const own = 'select id, tenant_id, note from open where tenant_id = (select own_tenant())';
  const ways = await waysIn(
    db,
    `${TABLES} create view writable as ${own}; grant select, insert, update on writable to authenticated;
    create view "checked %" as ${own} with check option; grant select, insert, update on "checked %" to authenticated;
    create view readable as ${own}; grant select on readable to authenticated;`,
  );
  expect(ways).toEqual({
    'public.writable': expect.objectContaining({
      verdict: 'refuted',
      reason: 'as authenticated: a row is given to another tenant through the view, which writes as its owner',
      statement: expect.stringMatching(/^insert into "public"\."writable" \("note", "tenant_id"\) select "note", '/),
    }),
    'public."checked %"': { kind: 'view', verdict: 'proved' },
    'public.readable': { kind: 'view', verdict: 'proved' },
  });
});

test('a function that takes a role shows what that role sees, where the login of the API may become it', async ({
  db,
}) => {
  const login = quoteIdentifier(`login of % ${db.name}`);
  await db.superQuery(`create role ${login} login noinherit; grant authenticated, service_role to ${login}`);
  try {
    const ways = await waysIn(
      db,
      `${TABLES}
      create function "takes %"() returns setof "sound %" language sql stable set role = 'service_role'
        as 'select * from public."sound %"';
      create function stays() returns setof "sound %" language sql stable as 'select * from public."sound %"';`,
    );
    expect(ways).toMatchObject({ 'public."takes %"()': { kind: 'function', verdict: 'refuted' } });
    expect(Object.keys(ways)).toHaveLength(1);
  } finally {
    await db.superQuery(`drop role ${login}`);
  }
});
