/** @module-tag since-15 */
import { resolve } from 'node:path';
import { seedDatabase } from '../../src/seed/seed.ts';
import { loadTables } from '../../src/seed/tables.ts';
import type { TestDatabase } from '../support/database.ts';
import { difference, fingerprint } from '../support/fingerprint.ts';
import { makeFolder, writeFiles } from '../support/folder.ts';
import { type RunOptions, runCli, startCli } from '../support/run.ts';
import { expect, HOOKS, SEEDED, targetOf, test } from './seeded.ts';

async function seedOptions(db: TestDatabase, more: Partial<RunOptions> = {}): Promise<RunOptions> {
  const path = resolve(import.meta.dirname, '../../scripts/seed.mjs');
  return { cwd: await makeFolder(), env: db.env, program: { path, node: process.execPath }, ...more };
}

async function seed(db: TestDatabase, ...args: string[]) {
  return runCli(args, await seedOptions(db));
}

/** A hash of all rows of each table, by their ids. */
async function hashes(db: TestDatabase): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of (await loadTables()).keys()) {
    const where =
      table === 'users' ? 'where tenant_id is not null' : table === 'audit_log' ? "where table_name = 'contacts'" : '';
    const [row] = await db.superQuery(
      `select md5(string_agg(to_jsonb(x)::text, e'\\n' order by x.id)) as hash from ${table} x ${where}`,
    );
    found[table] = row!['hash'];
  }
  return found;
}

test('the same seed makes the same bytes, another one others; --truncate brings them back', async ({
  packDb,
  seededDb,
}) => {
  const target = targetOf(packDb.url);
  await seedDatabase(target, { ...SEEDED, seed: 2 }, HOOKS);
  const [expected, other] = [await hashes(seededDb), await hashes(packDb)];
  for (const table of Object.keys(expected)) expect(other[table], table).not.toBe(expected[table]);
  await seedDatabase(target, { ...SEEDED, existing: 'truncate' }, HOOKS);
  expect(await hashes(packDb)).toEqual(expected);
  // Migrations make accounts of no tenant; nothing else would bring them back.
  expect(await packDb.superQuery('select email from users where tenant_id is null')).toEqual([
    { email: 'admin@aishacrm.com' },
  ]);
});

test('every table has rows of every tenant, each of which sees its own and no others', async ({ seededDb: db }) => {
  const tables = await db.superQuery<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1",
  );
  expect([...(await loadTables()).keys()]).toEqual(tables.map(({ name }) => name));
  await db.superQuery('grant select on all tables in schema public to authenticated');
  const tenants = await db.superQuery<{ id: string }>('select id from tenant');
  expect(tenants).toHaveLength(3);
  const client = await db.connect(db.superUrl);
  for (const role of ['authenticated', 'app_owner']) {
    for (const { id } of tenants) {
      await client.query(`begin; set local role ${role}; set local app.current_tenant_id = '${id}'`);
      for (const { name } of tables.filter((table) => table.name !== 'audit_log')) {
        const key = name === 'tenant' ? 'id' : 'tenant_id';
        const [all] = await db.superQuery(`select count(*)::int as own from ${name} where ${key} = $1`, [id]);
        const { rows } = await client.query(
          `select count(*)::int as seen, count(*) filter (where ${key} is distinct from $1)::int as foreign from ${name}`,
          [id],
        );
        expect(all!['own'], name).toBeGreaterThan(0);
        expect(rows, `${name} as ${role}`).toEqual([{ seen: all!['own'], foreign: 0 }]);
      }
      await client.query('rollback');
    }
  }
  expect(
    await db.superQuery('select distinct tenant_id from audit_log join contacts c on c.id = record_id'),
  ).toHaveLength(3);
});

test('every reference leads to a row of the same tenant', async ({ seededDb: db }) => {
  const keys = await db.superQuery<{ child: string; column: string; parent: string }>(`
    select conrelid::regclass::text as child, attname as column, confrelid::regclass::text as parent
    from pg_constraint k join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
    where contype = 'f' and connamespace = 'public'::regnamespace and convalidated`);
  expect(keys.length).toBeGreaterThan(40);
  for (const { child, column, parent } of keys) {
    const tenant = parent === 'tenant' ? 'true' : 'p.tenant_id = c.tenant_id';
    const lost = await db.superQuery(
      `select from ${child} c where ${column} is not null and not exists (select from ${parent} p where p.id = c.${column} and ${tenant})`,
    );
    expect(lost, `${child}.${column}`).toEqual([]);
  }
  for (const child of ['activities', 'notes', 'documents']) {
    const lost = await db.superQuery(`
      select from ${child} x where not exists (
        select from (
          select 'contact' as type, id, tenant_id from contacts
          union all select 'account', id, tenant_id from accounts
          union all select 'lead', id, tenant_id from leads
          union all select 'opportunity', id, tenant_id from opportunities
        ) r where r.type = related_type and r.id = related_id and r.tenant_id = x.tenant_id
      )`);
    expect(lost, child).toEqual([]);
  }
  expect(await db.superQuery('select from users u join employee e on lower(e.email) = lower(u.email)')).toEqual([]);
});

test('the schema is as it was before: policies forced, triggers on, keys validated, indexes there', async ({
  packDb,
  seededDb,
}) => {
  const [before, after] = [await packDb.connect(), await seededDb.connect()];
  expect(difference(await fingerprint(before), await fingerprint(after))).toEqual([]);
});

test('rows that are there are a reason to refuse, unless more tenants are asked for', async ({ seededDb: db }) => {
  const before = await hashes(db);
  const refused = await seed(db, '--rows', '10');
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('the database holds rows already')]);
  expect(await hashes(db)).toEqual(before);
  const appended = await seed(db, '--append', '--tenants', '2', '--rows', '10', '--format', 'json');
  expect(appended.code, appended.stderr).toBe(0);
  expect(appended.json().data.tenants).toHaveLength(2);
  expect(await db.superQuery('select from tenant')).toHaveLength(5);
});

test('--truncate wants a yes, and a protected database its name, before anything is written', async ({
  packDb: db,
}) => {
  expect((await seed(db, '--truncate')).code).toBe(3);
  const options = await seedOptions(db);
  const config = { environments: { live: { url: db.url, protected: true } } };
  await writeFiles(options.cwd, { 'aisha-db.config.json': JSON.stringify(config) });
  expect((await runCli(['--env', 'live', '--yes'], options)).code).toBe(3);
  expect(await db.superQuery('select from tenant')).toEqual([]);
  expect((await runCli(['--env', 'live', '--confirm', 'live', '--rows', '3'], options)).code).toBe(0);
});

test('a database without the migrations, and a role that does not own the tables, are told so', async ({
  db,
  packDb,
}) => {
  const empty = await seed(db);
  expect([empty.code, empty.stderr]).toEqual([4, expect.stringContaining('no table accounts and 3')]);
  expect(empty.stderr).toContain('aisha-db migrate --dir sql');
  const reader = await seed({ ...packDb, env: { DATABASE_URL: packDb.readerUrl } });
  expect([reader.code, reader.stderr]).toEqual([3, expect.stringContaining('belongs to app_owner, not to app_reader')]);
});

test('--dry-run writes nothing; a table that is in use is waited for as long as told', async ({ packDb: db }) => {
  const dry = await seed(db, '--dry-run');
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('nothing was written')]);
  expect(await db.superQuery('select from tenant')).toEqual([]);
  const client = await db.connect();
  await client.query('begin; lock table contacts');
  const blocked = await seed(db, '--lock-timeout', '200ms');
  expect([blocked.code, blocked.stderr]).toEqual([6, expect.stringContaining('no row was added')]);
});

test('killed or interrupted in the middle, it leaves nothing and the schema as it was', async ({ packDb: db }) => {
  const client = await db.connect(db.superUrl);
  const before = await fingerprint(client);
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const run = startCli(['--rows', '300000'], await seedOptions(db));
    await run.stderrContains(' %\n');
    run.kill(signal);
    const { code } = await run.done;
    if (signal === 'SIGINT') expect(code).toBe(130);
    await expect
      .poll(
        async () =>
          (await db.superQuery("select from pg_stat_activity where application_name = 'aisha-db seed'")).length,
      )
      .toBe(0);
    expect(await db.superQuery('select from tenant union all select from contacts')).toEqual([]);
    expect(difference(before, await fingerprint(client))).toEqual([]);
  }
});
