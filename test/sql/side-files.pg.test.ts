/** @module-tag since-15 */
import { join } from 'node:path';
import type { TestDatabase } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { expect, test } from '../support/pack-database.ts';
import { runHere } from '../support/run-here.ts';
import { SQL_DIR, shipped } from './pack.ts';

async function run(db: TestDatabase, ...args: string[]) {
  const result = await runHere(args, { cwd: await makeFolder(), env: db.env });
  if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.stdout}${result.stderr}`);
  return result;
}

const TEST_ACCOUNTS = [
  'test@aishacrm.com',
  'Test2@aishacrm.com',
  'qa-test@aishacrm.com',
  'maria+testing@aishacrm.com',
  'tester.one@aishacrm.com',
  'anyone@example.com',
  'anyone@mail.example.org',
  'anyone@shop.test',
  'anyone@host.invalid',
];

const REAL_ACCOUNTS = [
  'contest@aishacrm.com',
  'latest.news@aishacrm.com',
  'attestation@aishacrm.com',
  'maria@testarossa.com',
  'maria@test-drive.com',
  'maria@myexample.com',
  'example@aishacrm.com',
];

test('FIX_deactivate_test_admins deactivates test accounts and no other', async ({ packDb: db }) => {
  await db.superQuery("insert into users (email, role) select unnest($1::text[]), 'superadmin'", [
    [...TEST_ACCOUNTS, ...REAL_ACCOUNTS],
  ]);
  await db.superQuery("insert into users (email, status) values ('old.test@aishacrm.com', 'inactive')");
  const { stdout } = await run(db, 'fix', 'deactivate_test_admins', '--fixes-dir', join(SQL_DIR, 'fixes'), '--yes');
  expect(stdout).toContain(`UPDATE ${TEST_ACCOUNTS.length}`);
  const emails = async (status: string) =>
    (await db.superQuery('select email from users where status = $1', [status])).map(({ email }) => email);
  expect((await emails('inactive')).sort()).toEqual([...TEST_ACCOUNTS, 'old.test@aishacrm.com'].sort());
  expect((await emails('active')).sort()).toEqual([...REAL_ACCOUNTS, 'admin@aishacrm.com'].sort());
  const [users] = await db.query(
    "select relrowsecurity and relforcerowsecurity as forced from pg_class where oid = 'public.users'::regclass",
  );
  expect(users).toEqual({ forced: true });
});

test('DIAGNOSTIC_check_users finds addresses that are there twice and accounts of no tenant', async ({
  packDb: db,
}) => {
  const client = await db.connect(db.superUrl);
  const diagnose = async () => {
    const results: unknown = await client.query(shipped('diagnostics/DIAGNOSTIC_check_users.sql'));
    return (results as { rows: Record<string, unknown>[] }[]).map(({ rows }) => rows);
  };
  await client.query(`
    insert into tenant (id, slug, name) values
      ('00000000-0000-4000-8000-00000000000a', 'a', 'A'), ('00000000-0000-4000-8000-00000000000b', 'b', 'B');
    insert into employee (tenant_id, email, role)
    select id, 'same.person@a.com', 'employee' from tenant
  `);
  expect(await diagnose()).toEqual([
    [],
    [],
    [
      { source: 'users', role: 'superadmin', accounts: '1', active: '1' },
      { source: 'employee', role: 'employee', accounts: '2', active: '2' },
    ],
  ]);

  // What the constraints forbid may be older than they are.
  await client.query(`
    do $$
    declare
      found regclass;
    begin
      for found in
        select indexrelid from pg_index
        where indrelid in ('users'::regclass, 'employee'::regclass) and indisunique and not indisprimary
      loop
        execute format('drop index %s', found);
      end loop;
    end
    $$;
    set session_replication_role = replica;
    insert into users (email, role) values ('Twice@a.com', 'user'), ('twice@A.com', 'user'), ('both@a.com', 'user');
    insert into users (email, role, tenant_id) values ('lost@a.com', 'user', '00000000-0000-4000-8000-0000000000ff');
    insert into employee (tenant_id, email, role, status)
    select id, email, 'employee', 'inactive'
    from tenant, unnest(array['BOTH@a.com', 'twin@a.com', 'Twin@a.com']) email
    where slug = 'a';
    set session_replication_role = default
  `);
  const [duplicates, lost, roles] = await diagnose();
  expect(duplicates!.map(({ ids, ...row }) => ({ ...row, ids: (ids as string[]).length }))).toEqual([
    { email: 'both@a.com', users: '1', employees: '1', ids: 2 },
    { email: 'twice@a.com', users: '2', employees: '0', ids: 2 },
    { email: 'twin@a.com', users: '0', employees: '2', ids: 2 },
  ]);
  expect(lost).toMatchObject([
    { source: 'users', email: 'lost@a.com', tenant_id: '00000000-0000-4000-8000-0000000000ff' },
  ]);
  expect(roles).toEqual([
    { source: 'users', role: 'user', accounts: '4', active: '4' },
    { source: 'users', role: 'superadmin', accounts: '1', active: '1' },
    { source: 'employee', role: 'employee', accounts: '5', active: '2' },
  ]);
});
