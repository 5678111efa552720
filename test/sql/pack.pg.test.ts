/** @module-tag since-15 */
import { expect, type TestDatabase, test } from '../support/database.ts';
import { difference, fingerprint } from '../support/fingerprint.ts';
import { makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { apply, FILES, SQL_DIR } from './pack.ts';

async function migrate(db: TestDatabase) {
  const result = await runHere(['migrate', '--dir', SQL_DIR, '--format', 'json'], {
    cwd: await makeFolder(),
    env: db.env,
  });
  if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.stderr}`);
  return result.json();
}

/** Each query finds what breaks the rule. */
const RULES = {
  'every table has RLS enabled, forced and a policy': `
    select relname as found from pg_class c
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not (relrowsecurity and relforcerowsecurity and exists (select from pg_policy p where p.polrelid = c.oid))`,
  'every table has a primary key': `
    select relname as found from pg_class c
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')`,
  'every foreign key is validated and has an index that begins with its columns': `
    select format('%s: %s', conrelid::regclass, conname) as found from pg_constraint k
    where contype = 'f' and connamespace = 'public'::regnamespace
      and not (convalidated and exists (
        select from pg_index i
        where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
          and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
      ))`,
  'every tenant_id is a uuid, begins an index and goes with its tenant': `
    select c.relname as found from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not (
        a.atttypid = 'uuid'::regtype
        and exists (
          select from pg_index i
          where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
        )
        and exists (
          select from pg_constraint k
          where k.conrelid = c.oid and k.contype = 'f' and k.confrelid = 'tenant'::regclass
            and k.conkey = array[a.attnum] and k.confdeltype = 'c'
        )
      )`,
  'every updated_at is kept by a trigger': `
    select c.relname as found from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'updated_at' and not a.attisdropped
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not exists (
        select from pg_trigger t
        where t.tgrelid = c.oid and t.tgfoid = 'update_updated_at()'::regprocedure and t.tgenabled = 'O'
      )`,
  'every view reads with the rights of its user': `
    select relname as found from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
      and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false)`,
  'every function has a search_path of its own': `
    select proname as found from pg_proc p
    where pronamespace = 'public'::regnamespace and coalesce(proconfig::text, '') not like '%search_path=%'
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
};

test('migrate takes an empty database to the end, and the second run finds nothing to do', {
  tags: ['each-build'],
}, async ({ db }) => {
  const first = await migrate(db);
  const states: string[] = first.data.migrations
    .filter((migration: { file: string }) => FILES.includes(migration.file))
    .map((migration: { file: string; state: string }) => `${migration.file}: ${migration.state}`);
  expect(states).toEqual(FILES.map((file) => `${file}: applied`));
  expect(FILES).toHaveLength(51);
  const client = await db.connect();
  const before = await fingerprint(client);

  for (const [rule, sql] of Object.entries(RULES)) expect(await db.query(sql), rule).toEqual([]);
  expect((await db.query('select from pg_tables where schemaname = $1', ['public'])).length).toBeGreaterThanOrEqual(33);
  expect(await namesOf(db, 'v')).toEqual(
    expect.arrayContaining(['bizdev_sources', 'employees', 'v_activity_calendar', 'workflows']),
  );
  // Nothing is seeded and no test user made unless it is asked for; the superadmin of 027 has no password.
  expect(await db.superQuery('select from tenant')).toEqual([]);
  expect(await db.superQuery('select role, password_hash from users')).toEqual([
    { role: 'superadmin', password_hash: null },
  ]);

  const runs = () => db.superQuery('select sequence, applied_at from aisha_db.migrations order by sequence');
  const recorded = await runs();
  const second = await migrate(db);
  expect(second.exitCode).toBe(0);
  expect(await runs()).toEqual(recorded);
  expect(difference(before, await fingerprint(client))).toEqual([]);
});

test('every file has the same effect when it is applied twice in a row', { tags: ['each-build'] }, async ({ db }) => {
  const client = await db.connect();
  for (const file of FILES) {
    await apply(client, file);
    const once = await fingerprint(client);
    await apply(client, file);
    expect(difference(once, await fingerprint(client)), file).toEqual([]);
  }
});

test('999 covers a table that was created since, and is safe to run again', async ({ db }) => {
  const client = await db.connect();
  for (const file of FILES) await apply(client, file);
  await db.query('create table later (id uuid primary key, tenant_id uuid references tenant (id) on delete cascade)');
  await apply(client, '999_enable_rls_policies.sql');
  expect(await db.query(RULES['every table has RLS enabled, forced and a policy'])).toEqual([]);
  const before = await fingerprint(client);
  expect(before.filter((line) => line.startsWith('policy public.later '))).not.toEqual([]);
  await apply(client, '999_enable_rls_policies.sql');
  expect(difference(before, await fingerprint(client))).toEqual([]);
});

test('files with the same number lead to the same schema in either order', async ({ db }) => {
  const swapped = FILES.map((file, at) => {
    const isPairOf = (other: string | undefined) => other?.slice(0, 3) === file.slice(0, 3);
    if (isPairOf(FILES[at + 1])) return FILES[at + 1]!;
    return isPairOf(FILES[at - 1]) ? FILES[at - 1]! : file;
  });
  expect([...swapped].sort()).toEqual(FILES);
  expect(swapped.filter((file, at) => file !== FILES[at])).toHaveLength(12);
  const client = await db.connect();
  const build = async (files: readonly string[]) => {
    await client.query('drop schema public cascade; create schema public');
    for (const file of files) await apply(client, file);
    return fingerprint(client);
  };
  expect(difference(await build(FILES), await build(swapped))).toEqual([]);
});

async function namesOf(db: TestDatabase, kind: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = $1 order by 1",
    [kind],
  );
  return rows.map(({ name }) => name);
}
