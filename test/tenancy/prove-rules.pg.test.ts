/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { proofOf } from './session.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

const table = (name: string, more = '') => `
  create table ${name} (id int generated always as identity primary key, tenant_id uuid not null references tenant, note text${more});
  select isolate('${name}');`;

/** A table whose owner is not bound, and which clients may not use; one that binds its owner; and one to write to. */
const TABLES = `${prelude}${table('"log %"')} alter table "log %" no force row level security;
  revoke all on "log %" from authenticated; ${table('bound')}`;

const view = (name: string, of: string) => `
  create view "${name}" as select id, tenant_id, note from ${of}
  where tenant_id = own_tenant(); grant select, insert, update, delete on "${name}" to authenticated;`;

async function rulesIn(db: TestDatabase, sql: string, callsWriters = false) {
  await db.query(sql);
  const rows = async () => {
    const tables = await db.superQuery<{ name: string }>(
      `select format('%I', relname) as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
    );
    const found = [];
    for (const { name } of tables)
      found.push(await db.superQuery(`select to_jsonb(x) as row from ${name} x order by 1`));
    return found;
  };
  const before = await rows();
  const { ways = [] } = await proofOf(db.url, {}, 'rows', callsWriters);
  expect(await rows()).toEqual(before);
  const rules = ways.filter(({ kind }) => kind === 'rule');
  return Object.fromEntries(
    rules.map(({ object, verdict, reason }) => [object, reason ? `${verdict}: ${reason}` : verdict]),
  );
}

const refuted = 'refuted: as authenticated: a row of another tenant is written by the rule in a session of one tenant';

test('rules of tables are refuted where they reach rows of the other tenant, and proved where they do not', async ({
  db,
}) => {
  const ruled = (name: string, command: string, action: string, more = '') =>
    `${table(name, more)} create rule "by ü" as on ${command} to ${name} do also ${action};`;
  const rules = await rulesIn(
    db,
    `${TABLES}
    ${ruled('logged', 'insert', `insert into "log %" (tenant_id, note) values (new.tenant_id, new.note)`)}
    ${ruled('logged_for', 'insert', `insert into "log %" (tenant_id, note) values (new.whom, new.note)`, ', whom uuid not null')}
    ${ruled('logged_bound', 'insert', `insert into bound (tenant_id, note) values (new.whom, new.note)`, ', whom uuid not null')}
    ${ruled('wiping', 'update', `delete from "log %"`)}
    ${ruled('seeing', 'update', `update "log %" set note = 'seen' where note = new.note`)}
    ${ruled('seeing_own', 'update', `update "log %" set note = 'seen' where note = new.note and tenant_id = new.tenant_id`)}
    ${ruled('taking', 'delete', `delete from "log %" where note = old.note`)}
    ${ruled('taking_own', 'delete', `delete from "log %" where note = old.note and tenant_id = old.tenant_id`)}
    ${ruled('by_word', 'insert', `update "log %" set note = 'x' where note = 'it''s %' or tenant_id = new.tenant_id`)}
    ${ruled('idle', 'delete', `delete from "log %" where false`)}
    create rule nothing as on update to bound do instead nothing;`,
  );
  expect(rules).toEqual({
    'public.logged (rule "by ü")': 'proved',
    'public.logged_for (rule "by ü")': refuted,
    // The policies of the table behind are held against the row, as whoever owns the rule's table.
    'public.logged_bound (rule "by ü")': 'proved',
    'public.wiping (rule "by ü")': refuted,
    'public.seeing (rule "by ü")': refuted,
    'public.seeing_own (rule "by ü")': 'proved',
    'public.taking (rule "by ü")': refuted,
    'public.taking_own (rule "by ü")': 'proved',
    'public.by_word (rule "by ü")': refuted,
    'public.idle (rule "by ü")': 'not-provable: as authenticated: nothing that was tried made it write a row',
  });
});

test('rules of views are tried with what the views show', async ({ db }) => {
  const rules = await rulesIn(
    db,
    `${TABLES}${view('v %', '"log %"')}${view('of bound', 'bound')}${view('kept', '"log %"')}
    create rule ins as on insert to "v %" do instead insert into "log %" (tenant_id, note) values (new.tenant_id, new.note);
    create rule upd as on update to "v %" do instead update "log %" set note = new.note where id = new.id;
    create rule del as on delete to "v %" do instead delete from "log %" where id = old.id;
    create rule ins as on insert to "of bound" do instead insert into bound (tenant_id, note) values (new.tenant_id, new.note);
    create rule ins as on insert to kept do instead insert into "log %" (tenant_id, note) values (own_tenant(), new.note);
    create rule upd as on update to kept do instead update "log %" set note = new.note where id = old.id;`,
  );
  expect(rules).toEqual({
    'public."v %" (rule ins)': refuted,
    'public."v %" (rule upd)': refuted,
    'public."v %" (rule del)': 'proved',
    'public."of bound" (rule ins)': 'proved',
    'public.kept (rule ins)': 'proved',
    'public.kept (rule upd)': 'proved',
  });
});

test('what is not tried is not proved, and the reason says why', async ({ db }) => {
  const rules = await rulesIn(
    db,
    `${TABLES}${table('a')}${table('b')}
    create table messages (text text); alter table messages enable row level security;
    create rule far as on insert to a do also insert into "log %" (tenant_id, note) select new.tenant_id, lo_export(1, 'x')::text;
    create rule near as on delete to a do also insert into messages (text) values (old.note);
    create function refuse() returns trigger language plpgsql as $f$ begin raise 'not by hand'; end $f$;
    create table closed (id int primary key, tenant_id uuid not null); select isolate('closed');
    create trigger t before insert on closed for each row execute function refuse();
    create rule "in" as on update to b do also delete from closed where tenant_id = new.tenant_id;`,
  );
  expect(rules).toEqual({
    'public.a (rule far)': 'not-provable: it reaches out of its transaction (lo_export): that no rollback undoes',
    'public.a (rule near)':
      'not-provable: no column of what it reaches says whose a row is, so that it cannot be told what it does to others',
    'public.b (rule in)': expect.stringMatching(
      /^not-provable: no rows could be made of which it could be told what it does to them: .*not by hand$/,
    ),
  });
});

test('rules that would write many rows of a large table are tried on demand only', async ({ db }) => {
  await db.query(`${TABLES}${table('wiping')}${table('exact')} create index on "log %" (tenant_id);
    create rule wipe as on delete to wiping do also delete from "log %";
    create rule keep as on insert to exact do also insert into "log %" (tenant_id, note) values (new.tenant_id, 'x');`);
  await db.superQuery(`insert into "log %" (tenant_id, note)
    select id, repeat('x', 500) from tenant, generate_series(1, 1500); analyze "log %"`);
  const reason =
    "it would write some 3000 rows at once, by the server's estimate: --call-volatile tries it all the same, on a copy";
  expect(await rulesIn(db, '')).toEqual({
    'public.wiping (rule wipe)': `not-provable: a rule of public.wiping writes to other tables as well: ${reason}`,
    'public.exact (rule keep)': 'proved',
  });
  expect(await rulesIn(db, '', true)).toEqual({
    'public.wiping (rule wipe)': refuted,
    'public.exact (rule keep)': 'proved',
  });
  const proof = await proofOf(db.url, {}, 'rows');
  const verdicts = Object.fromEntries(proof.tables.map((one) => [one.table.name, one.verdict]));
  expect(verdicts).toMatchObject({ exact: 'proved', wiping: 'refuted' });
});
