/** @module-tag since-15 */
import { join } from 'node:path';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeFolder, writeFiles } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { apply, applyRange, FILES, SQL_DIR } from './pack.ts';

const HASH = 'aisha.superadmin_password_hash';
const BCRYPT = `$2b$12$${'./Az09'.repeat(8)}abcde`;

/** The files that ask a setting whether to add rows. */
const ASKING: Readonly<Record<string, string>> = {
  '002_seed.sql': 'aisha.seed',
  '006_tenant_table.sql': 'aisha.seed',
  '010_multiple_additions.sql': 'aisha.seed',
  '026_create_test_user.sql': 'aisha.test_user',
};

const NOT_ON = [
  '',
  'off',
  'true',
  '1',
  'ON',
  ' on',
  `on'; insert into users (email) values ('evil@a.com'); --`,
  '"on"',
];

/** Rows by table, of those that these files add: their ids are all of this form. */
async function seeded(db: TestDatabase): Promise<string[]> {
  const tables = await db.superQuery<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
  );
  const counts = tables.map(
    ({ name }) =>
      `select '${name}: ' || count(*) as found from ${name} where id::text like 'd0000000-0000-4000-8000-%' having count(*) > 0`,
  );
  return (await db.superQuery(`${counts.join(' union all ')} order by 1`)).map(({ found }) => found as string);
}

test('no value but on makes a file add demonstration rows or the test user', async ({ db }) => {
  const client = await db.connect();
  for (const file of FILES.filter((name) => name < '027')) {
    await apply(client, file);
    for (const value of file in ASKING ? NOT_ON : []) {
      await client.query('select set_config($1, $2, false)', [ASKING[file], value]);
      await apply(client, file);
      expect(await db.superQuery('select email from users'), `${file} with ${value}`).toEqual([]);
      expect(await seeded(db), `${file} with ${value}`).toEqual([]);
    }
  }
});

test('an environment that asks gets demonstration rows of one tenant, a test user, and a superadmin with the hash', async ({
  db,
}) => {
  const result = await migrateWith(db, { 'aisha.seed': 'on', 'aisha.test_user': 'on', [HASH]: BCRYPT });
  expect(result.code, result.stderr).toBe(0);
  expect(result.stdout + result.stderr).not.toContain(BCRYPT);

  expect(await seeded(db)).toEqual([
    'accounts: 2',
    'activities: 1',
    'contacts: 2',
    'employee: 2',
    'leads: 2',
    'opportunities: 1',
    'tenant: 1',
    'users: 3',
  ]);
  expect(await db.superQuery('select email, role, status, tenant_id, password_hash from users order by email')).toEqual(
    [
      { email: 'admin@aishacrm.com', role: 'superadmin', status: 'active', tenant_id: null, password_hash: BCRYPT },
      { email: 'superadmin@demo.invalid', role: 'superadmin', status: 'active', tenant_id: null, password_hash: null },
      { email: 'test@example.com', role: 'user', status: 'active', tenant_id: null, password_hash: null },
    ],
  );
  for (const table of ['accounts', 'activities', 'contacts', 'employee', 'leads', 'opportunities']) {
    const rows = await db.superQuery(`select distinct slug from ${table} x left join tenant t on t.id = x.tenant_id`);
    expect(rows, table).toEqual([{ slug: 'demo' }]);
  }
  const texts = await db.superQuery("select from audit_log where concat(old_data, new_data) like '%$2b$%'");
  expect(texts).toEqual([]);

  await runHere(['fix', 'deactivate_test_admins', '--fixes-dir', join(SQL_DIR, 'fixes'), '--yes'], {
    cwd: await makeFolder(),
    env: db.env,
  });
  expect(await db.superQuery("select email from users where status = 'active'")).toEqual([
    { email: 'admin@aishacrm.com' },
  ]);
});

test('applied twice, the files that add rows add them once', async ({ db }) => {
  const client = await db.connect();
  for (const name of ['aisha.seed', 'aisha.test_user'])
    await client.query('select set_config($1, $2, false)', [name, 'on']);
  for (const file of FILES.filter((name) => name < '028')) {
    await apply(client, file);
    const once = file in ASKING && (await seeded(db));
    await apply(client, file);
    if (once) expect(await seeded(db), file).toEqual(once);
  }
});

test('a password in the place of its hash stops 027 and is told to nobody; the hash goes on from there', async ({
  db,
}) => {
  const password = "hunter2 '$$; drop table users;--";
  const refused = await migrateWith(db, { [HASH]: password });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('is not a bcrypt, argon2 or scrypt hash');
  expect(refused.stdout + refused.stderr).not.toContain('hunter2');
  expect(await db.superQuery('select from users')).toEqual([]);
  expect((await migrateWith(db, { [HASH]: BCRYPT })).code).toBe(0);
  expect(await db.superQuery('select password_hash from users')).toEqual([{ password_hash: BCRYPT }]);
});

const HASHES = [
  BCRYPT,
  '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b2dWRWJTmaaJObG',
  '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
];
const NO_HASHES = [
  'hunter2',
  '$2b$12$',
  `$2b$12$'; drop table users; --`,
  ` ${BCRYPT}`,
  `${BCRYPT}\n`,
  '$argon2id$v=19$m=1',
];

test('027 takes a whole hash, and nothing that only begins like one', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 26);
  for (const hash of NO_HASHES) {
    await client.query('select set_config($1, $2, false)', [HASH, hash]);
    await expect(apply(client, '027_create_superadmin_user.sql'), hash).rejects.toThrow('is not a bcrypt');
  }
  expect(await db.superQuery('select from users')).toEqual([]);
  for (const hash of ['', ...HASHES]) {
    await client.query('select set_config($1, $2, false)', [HASH, hash]);
    await apply(client, '027_create_superadmin_user.sql');
    const rows = await db.superQuery('delete from users returning password_hash');
    expect(rows).toEqual([{ password_hash: hash === '' ? null : hash }]);
  }
});

test('027 promotes no account that has the address already, and says so', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 26);
  await client.query('select set_config($1, $2, false)', [HASH, BCRYPT]);
  const warnings: (string | undefined)[] = [];
  client.on('notice', ({ severity, message }) => severity === 'WARNING' && warnings.push(message));
  for (const table of ['users', 'employees']) {
    await db.superQuery(`insert into ${table} (tenant_id, email) values ('a', 'Admin@AishaCRM.com')`);
    await apply(client, '027_create_superadmin_user.sql');
    expect(await db.superQuery(`delete from ${table} returning role, password_hash`)).toEqual([
      { role: expect.not.stringMatching('superadmin'), password_hash: null },
    ]);
    expect(await db.superQuery('select from users')).toEqual([]);
  }
  expect(warnings).toEqual([
    expect.stringContaining('was left as it is'),
    'admin@aishacrm.com belongs to an employee: no superadmin was created',
  ]);
});

/** Applies the shipped migrations in an environment with these settings. */
async function migrateWith(db: TestDatabase, settings: Readonly<Record<string, string>>) {
  const cwd = await makeFolder();
  await writeFiles(cwd, {
    'aisha-db.config.json': JSON.stringify({ environments: { dev: { url: db.url, settings } } }),
  });
  return runHere(['migrate', '--env', 'dev', '--dir', SQL_DIR], { cwd });
}
