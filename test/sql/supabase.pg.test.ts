/** @module-tag since-15 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { difference, fingerprint } from '../support/fingerprint.ts';
import { makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { type SupabaseServer, startSupabase } from '../support/supabase.ts';
import { apply, FILES, hasRollback, rollBack, SQL_DIR } from './pack.ts';
import { A, all, B, isArchive, migrateWithRows, reach, tablesOf, tenantOf, within } from './sessions.ts';

let supabase: SupabaseServer;
beforeAll(async () => {
  supabase = await startSupabase();
});
afterAll(() => supabase?.stop());

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

const superuserOf = (database: string) => connect(supabase.superUrl(database));

test('the owner of the database is no superuser, as on Supabase', async () => {
  await supabase.createDatabase('roles');
  const client = await connect(supabase.url('roles'));
  const { rows } = await client.query(`
    select rolname, rolsuper, rolbypassrls, rolcreaterole, current_setting('search_path') as search_path
    from pg_roles where rolname = current_user
  `);
  expect(rows).toEqual([
    {
      rolname: 'postgres',
      rolsuper: false,
      rolbypassrls: true,
      rolcreaterole: true,
      search_path: '"$user", public, extensions',
    },
  ]);
});

test('migrate applies every file, and finds nothing to do the second time', async () => {
  await supabase.createDatabase('migrated');
  const migrate = async () => {
    const result = await runHere(['migrate', '--dir', SQL_DIR, '--format', 'json'], {
      cwd: await makeFolder(),
      env: { DATABASE_URL: supabase.url('migrated') },
    });
    expect(result.code, result.stderr).toBe(0);
    const { migrations } = result.json().data as { migrations: { file: string; state: string }[] };
    return migrations.filter(({ file }) => FILES.includes(file)).map(({ file, state }) => `${file}: ${state}`);
  };
  expect(await migrate()).toEqual(FILES.map((file) => `${file}: applied`));
  const client = await connect(supabase.url('migrated'));
  const before = await fingerprint(client);
  await migrate();
  expect(difference(before, await fingerprint(client))).toEqual([]);
  // What was there before is where it was.
  const { rows } = await client.query(
    'select extname as name from pg_extension where extnamespace = $1::regnamespace order by 1',
    ['extensions'],
  );
  expect(rows.map(({ name }) => name)).toEqual(['pg_stat_statements', 'pgcrypto', 'uuid-ossp']);
});

test('each file twice has the effect of once; rolled back from the end, nothing is left', async () => {
  await supabase.createDatabase('there_and_back');
  const client = await connect(supabase.url('there_and_back'));
  const before = new Map<string, string[]>();
  let now = await fingerprint(client);
  for (const file of FILES) {
    before.set(file, now);
    await apply(client, file);
    now = await fingerprint(client);
    await apply(client, file);
    expect(difference(now, await fingerprint(client)), `${file} twice`).toEqual([]);
  }
  for (const file of FILES.toReversed()) {
    if (hasRollback(file)) await rollBack(client, file);
    expect(difference(before.get(file)!, await fingerprint(client)), `before ${file}`).toEqual([]);
  }
});

describe.for([true, false])('where service_role has BYPASSRLS: %s', (bypass) => {
  const database = `rows_${bypass}`;
  beforeAll(async () => {
    await supabase.setServiceRoleBypass(bypass);
    await supabase.createDatabase(database);
    const client = new pg.Client({ connectionString: supabase.url(database) });
    await client.connect();
    await migrateWithRows(client);
    await client.end();
  });

  /** As PostgREST: a role that may become the others and nothing else. */
  const api = () => connect(supabase.url(database, 'authenticator'));

  test('service_role reads and writes every row', async () => {
    const [client, superuser] = [await api(), await superuserOf(database)];
    for (const table of await tablesOf(superuser)) {
      const { rows } = await superuser.query<{ count: number }>(`select count(*)::int as count from ${table}`);
      const { counts } = await reach(client, table, { role: 'service_role' });
      expect(counts, table).toEqual(all(rows[0]!.count));
    }
    const insert = "insert into accounts (tenant_id, name) values ($1, 'by the backend')";
    await within(client, { role: 'service_role' }, () => client.query(insert, [B]));
  });

  test('anon sees nothing and writes nothing, whatever its token says', async () => {
    const [client, superuser] = [await api(), await superuserOf(database)];
    const claims = [undefined, '', '{"role": "anon", "iss": "supabase"}', '{"role": "service_role"}'];
    const views = await superuser.query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'",
    );
    expect(views.rows.length).toBeGreaterThanOrEqual(6);
    for (const claim of claims) {
      const session = { role: 'anon', ...(claim === undefined ? {} : { claims: claim }) };
      for (const table of await tablesOf(superuser)) {
        expect((await reach(client, table, session)).counts, `${table} with ${claim}`).toEqual(all(0));
        const copy = `insert into ${table} select (jsonb_populate_record(null::${table}, $1)).*`;
        const { rows } = await superuser.query(`select to_jsonb(x) as row from ${table} x limit 1`);
        const insert = within(client, session, () => client.query(copy, [JSON.stringify(rows[0].row)]));
        await expect(insert, table).rejects.toMatchObject({ code: '42501' });
        const truncate = within(client, session, () => client.query(`truncate ${table} cascade`));
        await expect(truncate, table).rejects.toMatchObject({ code: '42501' });
      }
      for (const { name } of views.rows) {
        const { rowCount } = await within(client, session, () => client.query(`select from ${name}`));
        expect(rowCount, name).toBe(0);
      }
    }
  });

  test('authenticated reaches the rows of its tenant only', async () => {
    const [client, superuser] = [await api(), await superuserOf(database)];
    for (const table of await tablesOf(superuser)) {
      const everything = (await reach(superuser, table, {})).rows;
      for (const tenant of [A, B]) {
        const own = everything.filter((row) => tenantOf(table, row) === tenant && row['role'] !== 'superadmin').length;
        const seen = await reach(client, table, { role: 'authenticated', tenant });
        expect(
          seen.rows.filter((row) => tenantOf(table, row) !== tenant),
          `${table}: rows of others`,
        ).toEqual([]);
        const writable = isArchive(table) ? 0 : own;
        expect(seen.counts, table).toEqual(
          table === 'audit_log'
            ? all(0)
            : { selected: own, updated: writable, deleted: table === 'tenant' ? 0 : writable },
        );
      }
      expect((await reach(client, table, { role: 'authenticated' })).counts, table).toEqual(all(0));
    }
  });

  test('a token whose user is a superadmin opens every table, and one of anybody else none', async () => {
    const [client, superuser] = [await api(), await superuserOf(database)];
    const idOf = async (email: string) =>
      (await superuser.query('select id from users where email = $1', [email])).rows[0].id as string;
    const session = (id: string) => ({
      role: 'authenticated',
      claims: JSON.stringify({ sub: id, role: 'authenticated', email: 'root@x.com' }),
    });
    const [root, user] = [session(await idOf('Root@x.com')), session(await idOf('u@x.com'))];
    const who = await within(client, root, () =>
      client.query('select auth.uid() as id, is_superadmin() as superadmin'),
    );
    expect(who.rows).toEqual([{ id: await idOf('Root@x.com'), superadmin: true }]);
    for (const table of await tablesOf(superuser)) {
      const count = (await reach(superuser, table, {})).rows.length;
      const expected = table === 'audit_log' ? { selected: count, updated: 0, deleted: 0 } : all(count);
      expect((await reach(client, table, root)).counts, table).toEqual(expected);
      // Everybody sees the own account.
      const own = table === 'users' ? { selected: 1, updated: 0, deleted: 0 } : all(0);
      expect((await reach(client, table, user)).counts, table).toEqual(own);
    }
  });

  test('authenticated of one tenant inserts nothing for another', async () => {
    const client = await api();
    const insert = (tenant: string) =>
      within(client, { role: 'authenticated', tenant: A }, () =>
        client.query("insert into accounts (tenant_id, name) values ($1, 'new')", [tenant]),
      );
    expect((await insert(A)).rowCount).toBe(1);
    await expect(insert(B)).rejects.toMatchObject({ code: '42501' });
  });
});

test('of the functions in public that run with the rights of their owner, the API may call those of the policies only', async () => {
  await supabase.createDatabase('functions');
  const client = await connect(supabase.url('functions'));
  for (const file of FILES) await apply(client, file);
  const callable = async (role: string) => {
    const { rows } = await client.query<{ name: string }>(
      `select proname as name from pg_proc
      where pronamespace = 'public'::regnamespace and prosecdef and has_function_privilege($1, oid, 'execute') order by 1`,
      [role],
    );
    return rows.map(({ name }) => name);
  };
  const asked = ['is_superadmin', 'visible_tenant_ids'];
  expect(await callable('anon')).toEqual(asked);
  expect(await callable('authenticated')).toEqual(asked);
});
