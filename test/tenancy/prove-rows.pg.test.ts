/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Proof } from '../../src/tenancy/proof/prove.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { proofOf, proofsOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

/** A table with its tenant's column and a sound policy; more is done to it by the SQL that follows. */
const table = (name: string, condition = 'tenant_id = (select own_tenant())') => `
  create table ${name} (id int generated always as identity primary key, tenant_id uuid not null references tenant, note text);
  select isolate('${name}', $$${condition}$$);`;

const A = 'aaaaaaaa-0000-4000-8000-00000000000a';
const B = 'bbbbbbbb-0000-4000-8000-00000000000b';

const of = ({ tables }: Proof, name: string) => {
  const { level, verdict, reason, statement } = tables.find((one) => one.table.name === name)!;
  return { level, verdict, reason, statement };
};

/** Rows of every table, as nobody but a superuser sees them. */
async function contentsOf(db: TestDatabase): Promise<string> {
  const tables = await db.superQuery<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
     where relkind = 'r' and nspname !~ '^(pg_catalog|pg_toast|information_schema)' order by 1`,
  );
  const rows = [];
  for (const { name } of tables)
    rows.push([name, await db.superQuery(`select to_jsonb(x) as row from ${name} x order by 1`)]);
  return JSON.stringify(rows);
}

describe('what gets through is shown with its statement:', () => {
  const cases: readonly (readonly [name: string, sql: string, statement: RegExp, reason: RegExp])[] = [
    [
      'rows seen',
      table('t', 'true'),
      /^select from "public"."t" where "tenant_id" = '.*'::uuid limit 1;$/,
      /^as \w+: a row of another tenant is seen in a session of one tenant$/,
    ],
    [
      'a row inserted',
      `${table('t')} create policy loose on t for insert with check (true)`,
      /^insert into "public"."t" \(.*"tenant_id".*\) values/,
      /a row of another tenant is inserted/,
    ],
    [
      'a row moved by an UPDATE of its tenant',
      `${table('t')} alter policy tenant_isolation on t with check (true); create policy i on t as restrictive for insert with check (tenant_id = (select own_tenant()))`,
      /^update "public"."t" set "tenant_id" = '.*'::uuid/,
      /a row is moved to another tenant/,
    ],
    [
      'a blind UPDATE, which no targeted one would show',
      `${table('t')} create policy loose on t for update using (true) with check (tenant_id = (select own_tenant()))`,
      /^update "public"."t" set "tenant_id" = '.*'::uuid;$/,
      /an UPDATE without WHERE reaches a row of another tenant/,
    ],
    [
      'a blind DELETE, which no targeted one would show',
      `${table('t')} create policy loose on t for delete using (true)`,
      /^delete from "public"."t";$/,
      /a DELETE without WHERE reaches a row of another tenant/,
    ],
    [
      'rows seen by a session that never named a tenant, and by no other',
      table(
        't',
        `tenant_id = (select own_tenant()) or (select current_setting('app.current_tenant_id', true)) is null`,
      ),
      /^select from/,
      /a session that never named a tenant/,
    ],
    [
      'rows seen by a session whose tenant is the empty string',
      table('t', `tenant_id = (select own_tenant()) or (select current_setting('app.current_tenant_id', true)) = ''`),
      /^select from/,
      /a session whose tenant is the empty string/,
    ],
  ];

  test.for(cases)('%s', async ([, sql, statement, reason], { db }) => {
    await db.query(`${prelude}${sql}`);
    const proof = of(await proofOf(db.url, {}, 'rows'), 't');
    expect(proof).toEqual({
      level: 'rows',
      verdict: 'refuted',
      reason: expect.stringMatching(reason),
      statement: expect.stringMatching(statement),
    });
  });
});

test('rows are made from the catalog, whatever a table demands, and nothing of them stays', async ({ db }) => {
  await db.query(`${prelude}
    create type "Kind ""1""" as enum ('one', 'two');
    create domain positive as int check (value > 7);
    create table country (code char(2) primary key check (code = upper(code)), name text not null);
    create table "Parent </script>" (
      id int generated always as identity primary key,
      "Tenant" uuid, tenant_id uuid not null references tenant, country char(2) not null references country,
      unique (tenant_id, id));
    select isolate('"Parent </script>"');
    create table "Child ü 100%" (
      id uuid primary key,
      tenant_id uuid not null references tenant,
      "Parent" int not null,
      kind "Kind ""1""" not null,
      many text[] not null,
      doc jsonb not null,
      "when" timestamptz not null,
      flag boolean not null,
      amount numeric(5, 2) not null check (amount between 10 and 20),
      size positive not null,
      status varchar(8) not null check (status in ('new', 'won')),
      mail varchar(40) not null check (mail ~ '@'),
      "It's" text not null check (length("It's") < 3),
      twice int generated always as (1) stored,
      begins date not null, ends date not null, check (begins < ends),
      unique (mail),
      foreign key (tenant_id, "Parent") references "Parent </script>" (tenant_id, id));
    select isolate('"Child ü 100%"');
    create table parted (tenant_id uuid not null references tenant, at date not null) partition by range (at);
    create table parted_2999 partition of parted for values from ('2999-01-01') to ('3000-01-01');
    select isolate('parted'); select isolate('parted_2999');

    create table listed (tenant_id uuid not null, note text) partition by list (tenant_id);
    create table listed_a partition of listed for values in ('${A}');
    create table listed_b partition of listed for values in ('${B}');
    select isolate('listed'); select isolate('listed_a'); select isolate('listed_b');
    create table egg (id int primary key, tenant_id uuid not null references tenant, hen int not null);
    create table hen (id int primary key, tenant_id uuid not null references tenant, egg int not null references egg);
    alter table egg add foreign key (hen) references hen deferrable;
    select isolate('egg'); select isolate('hen');
    create table phrased (
      tenant_id uuid not null references tenant,
      phone text not null unique check (phone ~ '^\\+[1-9]\\d{6,14}$'),
      slug text not null check (slug like 'tag-%'),
      "long" text not null check (length("long") between 20 and 30),
      doc jsonb not null check (doc ? 'kind'),
      pair int[] not null check (cardinality(pair) = 2),
      part numeric(6, 3) not null check (part > 1 and part < 2),
      at time not null);
    select isolate('phrased');
    create function demand() returns trigger language plpgsql
      as $f$ begin if new.note not like 'OK-%' then raise 'no'; end if; return new; end $f$;
    create table demanding (tenant_id uuid not null references tenant, note text not null);
    create trigger t before insert on demanding for each row execute function demand();
    select isolate('demanding');
    create type "an address %" as (street text, zip text);
    create table booked (
      tenant_id uuid not null references tenant,
      room int4range not null,
      during tstzrange not null check (not isempty(during) and lower(during) < upper(during)),
      kind "Kind ""1""" not null, note text not null, check ((kind = 'two') = (length(note) > 100)),
      place "an address %" not null,
      exclude using gist (room with &&, during with &&));
    select isolate('booked');
    -- Whatever tenant is written, it is the session's: nothing gets through, not even where there is no such tenant.
    create function owned() returns trigger language plpgsql
      as $f$ begin new.tenant_id := coalesce(own_tenant(), new.tenant_id); return new; end $f$;
    create table taken_over (tenant_id uuid not null references tenant, note text);
    create trigger t before insert on taken_over for each row execute function owned();
    select isolate('taken_over');`);
  const before = await contentsOf(db);
  const proof = await proofOf(db.url, {}, 'rows');
  expect(proof.tables.map(({ table: { name }, verdict, level, reason }) => [name, verdict, level, reason])).toEqual([
    ['Child ü 100%', 'proved', 'rows', undefined],
    ['Parent </script>', 'proved', 'rows', undefined],
    ['booked', 'proved', 'rows', undefined],
    ['country', 'closed', 'policies', undefined],
    ['demanding', 'proved', 'rows', undefined],
    ['egg', 'proved', 'rows', undefined],
    ['hen', 'proved', 'rows', undefined],
    ['listed', 'proved', 'rows', undefined],
    ['listed_a', 'proved', 'rows', undefined],
    ['listed_b', 'proved', 'rows', undefined],
    ['parted', 'proved', 'rows', undefined],
    ['parted_2999', 'proved', 'rows', undefined],
    ['phrased', 'proved', 'rows', undefined],
    ['taken_over', 'proved', 'rows', undefined],
    ['tenant', 'proved', 'rows', undefined],
  ]);
  expect(proof.leftBehind).toEqual([]);
  expect(await contentsOf(db)).toBe(before);
});

test('rows are made as policies like them, where others are shown to nobody', async ({ db }) => {
  await db.query(`${prelude}
    create table choosy (
      tenant_id uuid not null references tenant, "is active %" boolean not null default false, expires timestamptz not null,
      kind text not null default 'x' check (kind in ('x', 'it''s shown')));
    select isolate('choosy', $$tenant_id = (select own_tenant()) and "is active %" and expires > now()
      and kind = 'it''s shown'$$);
    create table of_types (tenant_id uuid not null references tenant, tags text[] not null default '{}', during tstzrange);
    select isolate('of_types', $$tenant_id = (select own_tenant()) and 'a %' = any (tags) and during @> now()$$);
    create table of_documents (tenant_id uuid not null references tenant, meta jsonb);
    select isolate('of_documents', $$tenant_id = (select own_tenant()) and (meta ->> 'level "%"')::int > 3$$);
    create table leaky (tenant_id uuid not null references tenant, expires timestamptz not null, "is active" boolean not null);
    select isolate('leaky', $$tenant_id = (select own_tenant()) and expires > now()$$);
    create policy loose on leaky for delete using (expires > now() and "is active");`);
  const before = await contentsOf(db);
  const proof = await proofOf(db.url, {}, 'rows');
  expect(proof.tables.map(({ table: { name }, verdict, level }) => [name, verdict, level])).toEqual([
    ['choosy', 'proved', 'rows'],
    ['leaky', 'refuted', 'rows'],
    ['of_documents', 'proved', 'rows'],
    ['of_types', 'proved', 'rows'],
    ['tenant', 'proved', 'rows'],
  ]);
  expect(await contentsOf(db)).toBe(before);
});

describe('where no row can be made', () => {
  const refusing = `create function refuse() returns trigger language plpgsql as $f$ begin raise 'not by hand'; end $f$;`;

  test('rows that are there are used, and blind statements reach one of them at most', async ({ db }) => {
    await db.query(`${prelude}${refusing}${table('sound')}${table('leaky')}
      create policy loose on leaky for delete using (true)`);
    await db.superQuery(`
      insert into sound (tenant_id) select id from tenant, generate_series(1, 3);
      insert into leaky (tenant_id) select id from tenant, generate_series(1, 3)`);
    await db.query(`
      create trigger t before insert on sound for each row execute function refuse();
      create trigger t before insert on leaky for each row execute function refuse();`);
    const before = await contentsOf(db);
    const proof = await proofOf(db.url, {}, 'rows');
    expect(of(proof, 'sound')).toMatchObject({ level: 'rows', verdict: 'proved' });
    expect(of(proof, 'leaky')).toMatchObject({
      level: 'rows',
      verdict: 'refuted',
      statement: 'delete from "public"."leaky";',
    });
    expect(await contentsOf(db)).toBe(before);
  });

  test('and none is there, nothing is proved and the reason is said', async ({ db }) => {
    await db.query(`${prelude}${refusing}${table('closed')} create trigger t before insert on closed for each row execute function refuse();
      create table impossible (tenant_id uuid not null references tenant, n int not null check (n > 3 and n < 3)); select isolate('impossible')`);
    const proof = await proofOf(db.url, {}, 'rows');
    expect(of(proof, 'closed')).toMatchObject({
      verdict: 'not-provable',
      reason: 'no row of it could be made: not by hand',
    });
    expect(of(proof, 'impossible')).toMatchObject({
      verdict: 'not-provable',
      reason: expect.stringMatching(/^no row of it could be made: .*impossible_n_check/),
    });
  });
});

test('who may read some columns only is shown no rows of others either', async ({ db }) => {
  const columns = (name: string) => `revoke all on ${name} from authenticated;
    grant select (id, note), update (note), insert (tenant_id, note) on ${name} to authenticated;`;
  await db.query(
    `${prelude}${table('sound')}${columns('sound')}${table('"le</b>aky"', 'true')}${columns('"le</b>aky"')}`,
  );
  const proof = await proofOf(db.url, {}, 'rows');
  expect(of(proof, 'sound')).toMatchObject({ level: 'rows', verdict: 'proved' });
  expect(of(proof, 'le</b>aky')).toMatchObject({
    verdict: 'refuted',
    statement: 'select from "public"."le</b>aky" offset 1 limit 1;',
  });
});

test('triggers that reach out of their transaction are not made to do so', async ({ db }) => {
  await db.query(`${prelude}${table('quiet')}
    create function far() returns text language plpgsql as $f$ begin return dblink_exec('far', 'insert'); end $f$;
    create function tells() returns trigger language plpgsql as $f$ begin perform far(); return new; end $f$;
    create trigger t after insert or update on quiet for each row execute function tells();`);
  await db.superQuery('alter table quiet disable trigger t');
  await db.superQuery(`insert into quiet (tenant_id) values ('${A}'), ('${B}')`);
  await db.superQuery('alter table quiet enable trigger t');
  expect(of(await proofOf(db.url, {}, 'rows'), 'quiet')).toMatchObject({
    verdict: 'not-provable',
    reason: expect.stringMatching(/^a trigger of public\.quiet reaches out of its transaction \(dblink_exec\)/),
  });
});

test('a table of which the own tenant sees nothing proves nothing', async ({ db }) => {
  await db.query(`${prelude}${table('t', 'false')}`);
  expect(of(await proofOf(db.url, {}, 'rows'), 't')).toMatchObject({
    level: 'rows',
    verdict: 'not-provable',
    reason: expect.stringMatching(/the own tenant is shown nothing either$/),
  });
});

test('policies that read the claims of a token are proved as the API evaluates them', async ({ db }) => {
  await db.query(`${prelude}
    ${table('by_claim', `tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id')::uuid)`)}
    ${table('by_user', `tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata' ->> 'tenant_id')::uuid)`)}`);
  const proof = await proofOf(db.url, {}, 'rows');
  expect(of(proof, 'by_claim')).toMatchObject({ level: 'rows', verdict: 'proved' });
  expect(of(proof, 'by_user').verdict).not.toBe('proved');
});

test('each table is proved with the setting that its policies read, however rare', async ({ db }) => {
  await db.query(`${prelude}
    create function "org %"() returns uuid language plpgsql stable as $$
      begin return nullif(current_setting('crm.org', true), '')::uuid; end $$;
    ${table('usual')}${table('also')}
    ${table('by_text', `tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)`)}
    ${table('by_function', 'tenant_id = (select "org %"())')}
    ${table('by_one_claim', `tenant_id = (select nullif(current_setting('request.jwt.claim.tenant_id', true), '')::uuid)`)}
    ${table('leaky', 'tenant_id = (select "org %"())')} create policy loose on leaky for update using (true);`);
  const proof = await proofOf(db.url, {}, 'rows');
  const verdicts = proof.tables.map(({ table: { name }, verdict, level }) => [name, verdict, level]);
  expect(verdicts).toEqual([
    ['also', 'proved', 'rows'],
    ['by_function', 'proved', 'rows'],
    ['by_one_claim', 'proved', 'rows'],
    ['by_text', 'proved', 'rows'],
    ['leaky', 'refuted', 'rows'],
    ['tenant', 'proved', 'rows'],
    ['usual', 'proved', 'rows'],
  ]);
  expect(proof.leftBehind).toEqual([]);
});

test('partitions for certain tenants are proved with those, one by itself where there is no other', async ({ db }) => {
  const [C, D] = [A, B].map((id) => id.replace('0000-4000', '1111-4000'));
  const parted = (
    name: string,
    key: string,
    parts: readonly string[],
    condition = 'tenant_id = (select own_tenant())',
  ) => `
    create table "${name}" (tenant_id uuid not null, at date not null default '2026-06-01', note text) partition by ${key};
    select isolate('"${name}"', $$${condition}$$);
    ${parts
      .map(
        (bounds, at) =>
          `create table "${name} ${at}" partition of "${name}" ${bounds}; select isolate('"${name} ${at}"');`,
      )
      .join('\n')}`;
  const lists = [`for values in ('${C}')`, `for values in ('${D}', '${D!.replace('4000', '4111')}')`];
  const hashes = [0, 1, 2, 3].map((rest) => `for values with (modulus 4, remainder ${rest})`);
  await db.query(`${prelude}
    ${parted('each %', 'list (tenant_id)', lists)}
    ${parted('single', 'list (tenant_id)', lists.slice(0, 1))}
    ${parted('rest', 'list (tenant_id)', [lists[0]!, 'default'])}
    ${parted('hashed', 'hash (tenant_id)', hashes)}
    ${parted(
      'deep',
      'list (tenant_id)',
      lists.map((bounds) => `${bounds} partition by range (at)`),
    )}
    create table deep_c partition of "deep 0" for values from ('2026-01-01') to ('2027-01-01');
    create table deep_d partition of "deep 1" for values from ('2026-01-01') to ('2027-01-01');
    select isolate('deep_c'); select isolate('deep_d');
    ${parted('referring', 'list (tenant_id)', lists)} alter table referring add foreign key (tenant_id) references tenant;
    ${parted('leaky', 'list (tenant_id)', lists)} create policy loose on "leaky 0" for update using (true);
    create policy loose on leaky for delete using (true);
    ${parted('open', 'list (tenant_id)', lists)} alter policy tenant_isolation on "open 0" using (note is null or tenant_id = own_tenant());
    ${parted('refusing', 'list (tenant_id)', lists)}
    create function refuse() returns trigger language plpgsql as $f$ begin raise 'not by hand'; end $f$;
    create trigger t before insert on refusing for each row execute function refuse();`);
  const before = await contentsOf(db);
  const proof = await proofOf(db.url, {}, 'rows');
  const open = proof.tables.filter(({ verdict }) => verdict !== 'proved');
  const why = (names: string) =>
    `no row could be made of a tenant whom its partitions take (${names}): no row of it could be made: not by hand`;
  expect(open.map(({ table: { name }, verdict, reason }) => [name, verdict, reason])).toEqual([
    ['leaky', 'refuted', expect.any(String)],
    ['leaky 0', 'refuted', expect.any(String)],
    ['open 0', 'refuted', expect.any(String)],
    ['refusing', 'not-provable', why(`${C}, ${D} and 1 more`)],
    ['refusing 0', 'not-provable', why(C!)],
    ['refusing 1', 'not-provable', expect.stringContaining(D!)],
  ]);
  expect(proof.tables).toHaveLength(31);
  expect(proof.tables.filter(({ verdict, level }) => verdict === 'proved' && level !== 'rows')).toEqual([]);
  expect(proof.leftBehind).toEqual([]);
  expect(await contentsOf(db)).toBe(before);
});

test('without the tables that are open on purpose there is no verdict', async ({ db }) => {
  await db.query(`${prelude}${table('t')}`);
  await db.superQuery(`revoke temporary on database ${db.name} from public, app_owner`);
  expect(of(await proofOf(db.url, {}, 'rows'), 't')).toMatchObject({
    verdict: 'not-provable',
    reason: expect.stringContaining('permission denied to create temporary tables'),
  });
});

test('a large table is sampled, analysed or not, and not searched for each statement', async ({ db }) => {
  const condition = 'tenant_id::text = (select own_tenant()::text)';
  await db.query(`${prelude}${table('sound', condition)}
    alter table sound alter note set storage plain;
    create table parted (tenant_id uuid not null, at date not null, note text) partition by range (at);
    create table part partition of parted for values from ('2026-01-01') to ('2027-01-01');
    alter table part alter note set storage plain;
    select isolate('parted', $$${condition} or note is not null$$); select isolate('part', $$${condition}$$);`);
  await db.superQuery(`
    insert into sound (tenant_id, note) select '${A}', repeat('x', 7000) from generate_series(1, 1100);
    insert into parted select '${A}', '2026-06-01', repeat('x', 7000) from generate_series(1, 1100);`);
  const proof = await proofOf(db.url, {}, 'rows');
  expect([of(proof, 'sound').verdict, of(proof, 'part').verdict]).toEqual(['proved', 'proved']);
  expect(of(proof, 'parted')).toMatchObject({
    verdict: 'refuted',
    statement: expect.stringMatching(/^select from "public"."parted" tablesample system \(90\.91\) where/),
  });
  expect([proof.leftBehind, proof.unchecked]).toEqual([[], []]);
  // Whoever searched it for every statement in every kind of session would have read it some forty times.
  const [{ scans }] = (await db.superQuery(
    `select least(seq_scan, 99)::int as scans from pg_stat_user_tables where relname = 'sound'`,
  )) as [{ scans: number }];
  expect(scans).toBeLessThan(8);
});

test('whom RLS binds tells a trigger that mends a row from a check that lets it through', async ({ db }) => {
  await db.query(`${prelude}${table('mended')}${table('open')}${table('moved')}
    create function give() returns trigger language plpgsql as $$ begin new.tenant_id := own_tenant(); return new; end $$;
    create trigger give before insert on mended for each row execute function give();
    create trigger give before insert on moved for each row execute function give();
    alter policy tenant_isolation on moved with check (true);
    alter policy tenant_isolation on open with check (true);
    create table columns_only (id int generated always as identity primary key, tenant_id uuid not null, note text, up int references columns_only);
    select isolate('columns_only');
    revoke all on columns_only from authenticated;
    grant select (id, note), insert (tenant_id, note), update (note) on columns_only to authenticated;
    create table root (id int primary key, tenant_id uuid not null references tenant, up int not null references root);
    select isolate('root');
    revoke all on mended, open, moved from service_role;`);
  const { without, rows } = await proofsOf(db.url, {}, () => true);
  expect(['mended', 'open', 'moved', 'columns_only', 'root'].map((name) => of(rows, name).verdict)).toEqual([
    'proved',
    'refuted',
    'refuted',
    'proved',
    'proved',
  ]);
  expect(of(without, 'columns_only').verdict).toBe('proved');
});

test('a locked table is waited for by nobody', async ({ db }) => {
  await db.query(`${prelude}${table('free')}${table('locked')}`);
  const locker = await db.connect();
  await locker.query('begin; lock table locked in share mode');
  const proof = await proofOf(db.url, {}, 'rows');
  await locker.query('rollback');
  expect(of(proof, 'free').verdict).toBe('proved');
  expect(of(proof, 'locked')).toMatchObject({
    verdict: 'not-provable',
    reason: expect.stringContaining('lock timeout'),
  });
});

test('whoever writes meanwhile sees no error, and no row more or less', async ({ db }) => {
  await db.query(
    `${prelude}${table('sound')}${table('leaky', 'true')} grant usage on all sequences in schema public to authenticated`,
  );
  await db.superQuery(`insert into sound (tenant_id) select id from tenant, generate_series(1, 20);
    insert into leaky (tenant_id) select id from tenant, generate_series(1, 20)`);
  let isOver = false;
  const expected = { A: 20, B: 20 };
  const write = async (name: keyof typeof expected, id: string) => {
    const client = await db.connect();
    await client.query(`set app.current_tenant_id = '${id}'`);
    for (let turn = 0; !isOver || turn < 20; turn++) {
      for (const target of ['sound', 'leaky']) {
        await client.query(`begin; insert into ${target} (tenant_id, note) values ('${id}', 'turn'); commit`);
        const { rowCount } = await client.query(`update ${target} set note = '${turn}' where tenant_id = '${id}'`);
        expect(rowCount).toBe(expected[name] + 1);
        expect(
          (
            await client.query(
              `delete from ${target} where ctid = (select max(ctid) from ${target} where tenant_id = '${id}')`,
            )
          ).rowCount,
        ).toBe(1);
      }
    }
  };
  const writers = [write('A', A), write('B', B)];
  const proofs = [];
  for (let turn = 0; turn < 3; turn++) proofs.push(await proofOf(db.url, {}, 'rows'));
  isOver = true;
  await Promise.all(writers);
  for (const proof of proofs) {
    expect(of(proof, 'sound').verdict).toBe('proved');
    expect(of(proof, 'leaky').verdict).toBe('refuted');
    expect(proof.leftBehind).toEqual([]);
  }
  const counts = await db.superQuery(
    `select 'sound' as name, tenant_id, count(*)::int as n from sound group by 2 union all select 'leaky', tenant_id, count(*)::int from leaky group by 2 order by 1, 2`,
  );
  expect(counts.map(({ n }) => n)).toEqual([20, 20, 20, 20]);
});
