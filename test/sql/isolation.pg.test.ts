/** @module-tag since-15 */
import { test as databaseTest, type TestDatabase, withDatabase } from '../support/database.ts';
import { expect, templateOf } from '../support/pack-database.ts';
import { applyRange, fixture } from './pack.ts';
import { A, all, B, isArchive, migrateWithRows, reach, type Session, tablesOf, tenantOf, within } from './sessions.ts';

const NOBODY: Readonly<Record<string, Session>> = {
  'an empty setting': { tenant: '', email: '', userId: '', claims: '' },
  garbage: { tenant: 'garbage', userId: 'garbage', email: 'garbage', claims: 'garbage' },
  'broken claims': { claims: '{"sub": "{}"}' },
  'SQL as the setting': { tenant: `${A}' or 1=1 --` },
  'the word null': { tenant: 'null' },
  'the slug': { tenant: 'acme' },
  'an unknown tenant': { tenant: '00000000-0000-4000-8000-0000000000ff' },
  'two tenants': { tenant: `${A},${B}` },
  'the address of a superadmin in a token': { claims: '{"email": "root@x.com", "role": "service_role"}' },
  'a superadmin with the id of another': { email: 'root@x.com', userId: '00000000-0000-4000-8000-0000000000ff' },
  'a superadmin with a malformed id': { email: 'root@x.com', userId: 'x' },
};

/** Migrated with rows once for this file; each test has a copy. */
const test = databaseTest.extend<{ filled: string; db: TestDatabase }>({
  filled: [
    ({ maintenance }, use) =>
      templateOf(maintenance, 'filled', async (client) => {
        await migrateWithRows(client);
        await client.query(`
          grant usage on schema public to authenticated, service_role;
          grant select, insert, update, delete on all tables in schema public to authenticated, service_role
        `);
      }).then(use),
    { scope: 'file' },
  ],
  db: ({ maintenance, filled }, use) => withDatabase(maintenance, filled, use),
});

/** `authenticated` is the role of the API; the owner of the tables is bound as well, since RLS is forced. */
const ROLES = ['authenticated', 'app_owner'];

test.for(ROLES)('as %s, SELECT, UPDATE and DELETE reach the rows of the own tenant only', async (role, { db }) => {
  const client = await db.connect(db.superUrl);
  const neverSet = await db.connect(db.superUrl);
  const tables = await tablesOf(client);
  expect(tables.length).toBeGreaterThanOrEqual(33);
  const userId = (await db.superQuery("select id from users where email = 'Root@x.com'"))[0]!['id'] as string;
  for (const table of tables) {
    const everything = (await reach(client, table, {})).rows;
    for (const tenant of [A, B]) {
      const own = everything.filter((row) => tenantOf(table, row) === tenant && row['role'] !== 'superadmin').length;
      // Otherwise the comparison says nothing.
      if (table !== 'audit_log') expect(own, table).toBeGreaterThan(0);
      expect(own, table).toBeLessThan(everything.length);
      const seen = await reach(client, table, { role, tenant });
      const foreign = seen.rows.filter((row) => tenantOf(table, row) !== tenant);
      expect(foreign, `${table}: rows of others`).toEqual([]);
      const writable = isArchive(table) ? 0 : own;
      const expected =
        table === 'audit_log'
          ? all(0)
          : { selected: own, updated: writable, deleted: table === 'tenant' ? 0 : writable };
      expect(seen.counts, table).toEqual(expected);
    }
    expect((await reach(neverSet, table, { role })).counts, `${table}: settings that were never set`).toEqual(all(0));
    for (const [name, session] of Object.entries(NOBODY)) {
      // A claimed address opens one's own account, and no more.
      if (table === 'users' && session.email) continue;
      expect((await reach(client, table, { role, ...session })).counts, `${table}: ${name}`).toEqual(all(0));
    }
    const superadmins = [{ email: 'ROOT@x.com' }, { userId }, { claims: JSON.stringify({ sub: userId }) }];
    const count = everything.length;
    for (const session of superadmins)
      expect((await reach(client, table, { role, ...session })).counts, `${table}: superadmin`).toEqual(
        // The log is never changed.
        table === 'audit_log' ? { selected: count, updated: 0, deleted: 0 } : all(count),
      );
    expect((await reach(client, table, { role: 'service_role' })).counts, `${table}: service_role`).toEqual(all(count));
  }
});

/** Values that keep a copied row from meeting the unique keys of the one it was copied from. */
const FRESH = {
  email: 'fresh@fresh.com',
  slug: 'fresh',
  name: 'fresh',
  module_name: 'fresh',
  metric_date: '2020-01-01',
  resource: 'fresh',
  custom_domain: 'fresh',
  session_id: 'fresh',
  event_id: 'fresh',
  key_hash: 'fresh',
};

test.for(ROLES)('as %s, INSERT and UPDATE write no row of another tenant', async (role, { db }) => {
  // A tenant has one row of branding: that is not what is tested here.
  await db.query('alter table systembranding drop constraint systembranding_tenant_id_unique');
  const client = await db.connect(db.superUrl);
  const code = async (session: Session, sql: string, params: unknown[]) =>
    within(client, { role, ...session }, () =>
      client.query(sql, params).then(
        ({ rowCount }) => `${rowCount} rows`,
        (error: { code: string }) => error.code,
      ),
    );
  for (const table of (await tablesOf(client)).filter((name) => name !== 'audit_log')) {
    const key = table === 'tenant' ? 'id' : 'tenant_id';
    const copyOf = async (tenant: string) => {
      const rows = await db.superQuery(`select to_jsonb(x) as row from ${table} x where ${key} = $1 limit 1`, [tenant]);
      const [{ id }] = (await db.superQuery('select gen_random_uuid() as id')) as [{ id: string }];
      return JSON.stringify({ ...rows[0]?.['row'], ...FRESH, id });
    };
    const insert = `insert into ${table} select (jsonb_populate_record(null::${table}, $1)).*`;
    const [own, foreign] = [await copyOf(A), await copyOf(B)];
    const closed = isArchive(table) || table === 'tenant';
    expect(await code({ tenant: A }, insert, [own]), `${table}: own`).toBe(closed ? '42501' : '1 rows');
    expect(await code({ tenant: A }, insert, [foreign]), `${table}: foreign`).toBe('42501');
    expect(await code({ tenant: '' }, insert, [own]), `${table}: no tenant`).toBe('42501');
    expect(await code({ tenant: 'garbage' }, insert, [own]), `${table}: garbage`).toBe('42501');
    expect(await code({ email: 'root@x.com' }, insert, [foreign]), `${table}: superadmin`).toBe('1 rows');
    const move = `update ${table} set ${key} = $1`;
    expect(await code({ tenant: A }, move, [B]), `${table}: moved`).toBe(isArchive(table) ? '0 rows' : '42501');
  }
  const superadmin = "insert into users (email, role, tenant_id) values ('evil@x.com', 'superadmin', $1)";
  expect(await code({ tenant: A }, superadmin, [A])).toBe('42501');
  expect(await code({ tenant: A }, "update users set role = 'superadmin' where tenant_id = $1", [A])).toBe('42501');
});

test('a row does not refer to a row of another tenant', async ({ db }) => {
  const client = await db.connect(db.superUrl);
  const insert = (account: string) =>
    within(client, { role: 'authenticated', tenant: A }, () =>
      client.query("insert into contacts (tenant_id, account_id, first_name, email) values ($1, $2, 'x', 'x@y.com')", [
        A,
        account,
      ]),
    );
  const accountOf = async (tenant: string) =>
    (await db.superQuery('select id from accounts where tenant_id = $1', [tenant]))[0]!['id'] as string;
  await insert(await accountOf(A));
  await expect(insert(await accountOf(B))).rejects.toThrow();
});

test('the policies of a query are evaluated once, not for each row', async ({ db }) => {
  const client = await db.connect(db.superUrl);
  const functions = await db.superQuery<{ name: string }>(
    "select distinct proname as name from pg_proc where pronamespace = 'public'::regnamespace",
  );
  const call = new RegExp(`\\b(${functions.map(({ name }) => name).join('|')}|current_setting)\\(|current_user`, 'i');
  for (const table of await tablesOf(client)) {
    for (const sql of [`select * from ${table}`, `update ${table} set id = id`, `delete from ${table}`]) {
      const plan = await within(client, { role: 'authenticated', tenant: A }, async () => {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${sql}`);
        return rows.map((row) => row['QUERY PLAN']);
      });
      expect(plan.filter((line) => /(Filter|Cond):/.test(line) && call.test(line), sql)).toEqual([]);
      if (table !== 'audit_log' || sql.startsWith('select')) expect(plan.join('\n'), sql).toContain('InitPlan');
    }
  }
});

databaseTest(
  'after 023, while tenant_id is a slug, a tenant is reached by its slug and by its UUID',
  async ({ db }) => {
    const owner = await db.connect();
    await applyRange(owner, 1, 10);
    await owner.query(fixture('rows_after_010.sql'));
    await applyRange(owner, 11, 24);
    await owner.query(`
    grant usage on schema public to authenticated, service_role;
    grant select, insert, update, delete on all tables in schema public to authenticated, service_role
  `);
    // Until 032 a row that others refer to cannot be deleted; what is counted here is what policies let through.
    await owner.query(`
      do $$
      declare
        key record;
      begin
        for key in select conrelid::regclass as child, conname as name from pg_constraint where contype = 'f' and confdeltype = 'a'
        loop
          execute format('alter table %s drop constraint %I', key.child, key.name);
        end loop;
      end
      $$`);
    const client = await db.connect(db.superUrl);
    const tables = await tablesOf(client);
    expect(
      await db.query(
        `
      select relname from pg_class where oid = any ($1::regclass[]) and not (relrowsecurity and relforcerowsecurity)`,
        [tables],
      ),
    ).toEqual([]);
    const slugOf = async (id: string) =>
      (await db.superQuery('select tenant_id from tenant where id = $1', [id]))[0]!['tenant_id'] as string;
    const superadmin = { email: 'root@x.com' };
    for (const table of tables) {
      const everything = (await reach(client, table, {})).rows;
      for (const id of [A, B]) {
        const keys = [id, await slugOf(id)];
        const isOwn = (row: Record<string, unknown>) =>
          keys.includes(row[table === 'tenant' ? 'id' : 'tenant_id'] as string);
        const own = everything.filter(isOwn).length;
        for (const tenant of keys) {
          const seen = await reach(client, table, { role: 'authenticated', tenant });
          expect(
            seen.rows.filter((row) => !isOwn(row)),
            `${table}: rows of others`,
          ).toEqual([]);
          const expected = table === 'tenant' ? { selected: 1, updated: 1, deleted: 0 } : all(own);
          expect(seen.counts, `${table} as ${tenant}`).toEqual(table === 'audit_log' ? all(0) : expected);
        }
      }
      for (const tenant of [undefined, '', 'garbage'])
        expect(
          (await reach(client, table, { role: 'authenticated', ...(tenant === undefined ? {} : { tenant }) })).counts,
        ).toEqual(all(0));
      const { selected } = (await reach(client, table, { role: 'authenticated', ...superadmin })).counts;
      expect(selected, `${table}: superadmin`).toBe(everything.length);
      expect((await reach(client, table, { role: 'service_role' })).counts, table).toEqual(all(everything.length));
    }
  },
);
