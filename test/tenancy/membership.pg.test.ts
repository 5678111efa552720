/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeFacts } from '../../src/tenancy/judge.ts';
import { loadChecks } from '../../src/tenancy/load-checks.ts';
import type { Proof } from '../../src/tenancy/proof/prove.ts';
import { expect } from '../support/database.ts';
import { test } from './database.ts';
import { factsOf, proofsOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

/** Users as Supabase has them, who belongs to which tenant, and what policies make of it. */
const MEMBERSHIP = `
  create schema auth;
  grant usage on schema auth to public;
  create function auth.uid() returns uuid language sql stable
    as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  create table auth.users (id uuid primary key, email text not null unique check (email ~ '^[^@ ]+@[^@ ]+$'));

  create table "team % member" (
    tenant_id uuid not null references tenant,
    user_id uuid not null references auth.users,
    primary key (tenant_id, user_id)
  );
  select isolate('"team % member"', 'false');
  create policy own on "team % member" for select using (user_id = (select auth.uid()));

  create function my_tenants() returns setof uuid language sql stable security definer set search_path = ''
    as $$ select tenant_id from public."team % member" where user_id = auth.uid() $$;

  create table by_subselect (id uuid primary key, tenant_id uuid not null references tenant);
  select isolate('by_subselect',
    'tenant_id in (select m.tenant_id from "team % member" m where m.user_id = (select auth.uid()))');
  create table by_function (id uuid primary key, tenant_id uuid not null references tenant);
  select isolate('by_function', 'tenant_id in (select my_tenants())');
  create table of_any_member (id uuid primary key, tenant_id uuid not null references tenant);
  -- Both names are the member's: whoever is a member anywhere sees everything.
  select isolate('of_any_member',
    'exists (select from "team % member" m where m.user_id = (select auth.uid()) and m.tenant_id = tenant_id)');

  -- Who may write rows of one's own into any tenant is let into it by nobody.
  create table joining (id uuid primary key, tenant_id uuid not null references tenant, user_id uuid not null);
  select isolate('joining', 'user_id = (select auth.uid())');
  create table own_note (id uuid primary key, tenant_id uuid not null references tenant, user_id uuid not null);
  select isolate('own_note', 'user_id = (select auth.uid()) and tenant_id in (select my_tenants())');

  create table item (id int generated always as identity primary key, owner uuid references by_subselect, note text);
  select isolate('item', 'owner in (select id from by_subselect)');
  create table item_of_item (id int generated always as identity primary key, item int not null references item);
  select isolate('item_of_item', 'exists (select from item i where i.id = item)');
  create table item_open (id int generated always as identity primary key, owner uuid not null references by_subselect);
  -- The one name is as good as the other.
  select isolate('item_open', 'exists (select from by_subselect s where s.id = s.id)');
  create table barred (id int);
  select isolate('barred', 'exists (select from tenant t where false)');
`;

const verdicts = ({ tables }: Proof) => Object.fromEntries(tables.map(({ table, verdict }) => [table.name, verdict]));

const EXPECTED = {
  tenant: 'proved',
  'team % member': 'proved',
  by_subselect: 'proved',
  by_function: 'proved',
  of_any_member: 'refuted',
  joining: 'refuted',
  own_note: 'proved',
  item: 'proved',
  item_of_item: 'proved',
  item_open: 'refuted',
};

test('policies that look up who belongs to which tenant are asked as a member, of no rows made up ones', async ({
  db,
}) => {
  await db.query(prelude + MEMBERSHIP);
  const { without, rows, facts } = await proofsOf(db.url, {}, () => true);
  expect(verdicts(rows)).toMatchObject(EXPECTED);
  expect(facts.memberships.map(({ table, user }) => [table.name, user.name])).toEqual([['team % member', 'user_id']]);
  // Nobody is in a tenant yet: without rows nothing is proved, and what looks nowhere but into tables is not closed.
  expect(verdicts(without)).toMatchObject({ by_subselect: 'not-provable', item_open: 'not-provable' });
  expect(without.tables.find(({ table }) => table.name === 'item')?.reason).toMatch(/look elsewhere whose a row is/);
  expect(verdicts(rows)['barred']).toBe('not-provable');
});

test('where there are members and rows to refer to, no row has to be made to tell', async ({ db }) => {
  await db.query(prelude + MEMBERSHIP);
  // Whoever is in both tenants may see both: of what such a user is shown nothing could be told.
  await db.superQuery(`
    insert into auth.users select gen_random_uuid(), n || '@b.c' from unnest(array['A', 'B', 'both']) n;
    insert into "team % member" select t.id, u.id from tenant t join auth.users u on u.email = 'both@b.c';
    insert into "team % member" select t.id, u.id from tenant t join auth.users u on u.email = t.name || '@b.c';
    insert into by_subselect select gen_random_uuid(), id from tenant;
    insert into item (owner) select id from by_subselect;
    insert into item_of_item (item) select id from item`);
  const { without } = await proofsOf(db.url, {}, () => false);
  expect(verdicts(without)).toMatchObject(EXPECTED);

  const facts = await factsOf(db.url);
  const { findings } = judgeFacts(facts, await loadChecks(), []);
  expect(
    findings.filter(({ severity }) => severity === 'critical').map(({ check, object }) => [check, object]),
  ).toEqual([
    ['policy-without-tenant-column', 'public.item_open'],
    ['policy-without-tenant-column', 'public.joining'],
    ['policy-without-tenant-column', 'public.of_any_member'],
  ]);
});

/** Keys of several columns, with the tenant's among them and without; roots that are their own parents. */
const COMPOSITE = `
  create table "order" (
    tenant_id uuid not null references tenant, id int generated always as identity, region text not null,
    primary key (tenant_id, id), unique (region, id));
  select isolate('"order"');
  create table line (
    "Order </script> tenant" uuid not null, order_id int not null, n int not null,
    primary key ("Order </script> tenant", order_id, n),
    foreign key ("Order </script> tenant", order_id) references "order" (tenant_id, id));
  select isolate('line', '"Order </script> tenant" = (select own_tenant())');
  create table line_note (
    t uuid not null, o int not null, n int not null, foreign key (t, o, n) references line, primary key (t, o, n));
  select isolate('line_note', 't = (select own_tenant())');
  create table line_open (t uuid not null, o int not null, foreign key (t, o) references "order");
  select isolate('line_open', 't = (select own_tenant()) or o is not null');
  create table shipment (region text not null, "order %" int not null, foreign key (region, "order %") references "order" (region, id));
  select isolate('shipment', 'exists (select from "order" o where o.region = shipment.region and o.id = "order %")');
  create table half_shipment (region text not null, o int not null, foreign key (region, o) references "order" (region, id));
  select isolate('half_shipment', 'exists (select from "order" o where o.region = half_shipment.region)');
  create table moved_shipment (region text not null, o int not null, foreign key (region, o) references "order" (region, id));
  select isolate('moved_shipment', 'exists (select from "order" o where o.region = moved_shipment.region and o.id = o)');
  create table other_half (region text not null, o int not null, foreign key (region, o) references "order" (region, id));
  -- An order of another region may have the same number.
  select isolate('other_half', 'exists (select from "order" o where o.id = other_half.o)');
  create table sent ("from" uuid not null references tenant, "to" uuid not null references tenant);
  select isolate('sent', '(select own_tenant()) in ("from", "to")');
  create table tree (
    tenant_id uuid not null references tenant, id int generated always as identity, parent int not null,
    primary key (tenant_id, id), foreign key (tenant_id, parent) references tree);
  select isolate('tree');
`;

test('keys of several columns tell whose a row is, whole and never by halves', async ({ db }) => {
  await db.query(prelude + COMPOSITE);
  // The whole key of another tenant's order passes the check, half of it does not.
  await db.superQuery(`
    create function is_order(text, int) returns boolean language sql stable security definer set search_path = ''
      as $$ select exists (select from public."order" where (region, id) = ($1, $2)) $$;
    create policy later on moved_shipment for update using (false) with check (is_order(region, o))`);
  const expected = {
    line: 'proved',
    line_note: 'proved',
    line_open: 'refuted',
    shipment: 'proved',
    half_shipment: 'refuted',
    other_half: 'refuted',
    moved_shipment: 'refuted',
    sent: 'refuted',
    tree: 'proved',
  };
  const none = await proofsOf(db.url, {}, () => true);
  expect(verdicts(none.rows)).toMatchObject(expected);
  expect(verdicts(none.without)).toMatchObject({ line: 'proved', line_note: 'proved', shipment: 'not-provable' });
  await db.superQuery(`
    insert into "order" overriding system value
    select id, case name when 'A' then 1 else 2 end, 'eu' from tenant union all select id, 3, name from tenant`);
  const some = await proofsOf(db.url, {}, () => false);
  expect(verdicts(some.without)).toMatchObject({
    ...expected,
    shipment: 'not-provable',
    other_half: 'not-provable',
  });
  expect(some.without.tables.find(({ table }) => table.name === 'shipment')?.reason).toMatch(/--prove=rows/);
  const { findings } = judgeFacts(some.facts, await loadChecks(), []);
  const about = (name: string) =>
    findings.filter(({ object }) => object === `public.${name}`).map(({ check }) => check);
  expect([about('line'), about('line_note')]).toEqual([[], []]);
  const [half] = findings.filter(({ object }) => object === 'public.half_shipment');
  expect(half).toMatchObject({
    check: 'policy-without-tenant-column',
    fix: expect.stringContaining(`("region", "o") in (select "region", "id" from "public"."order")`),
  });
});
