/** @module-tag since-15 */
import { expect, test } from '../support/database.ts';
import { difference, fingerprint } from '../support/fingerprint.ts';
import { apply, applyRange, FILES } from './pack.ts';

const before = (file: string) => FILES.slice(0, FILES.indexOf(file));

const CASES: Readonly<Record<string, { rows: string; says: readonly string[] }>> = {
  '013_tighten_data_types.sql': {
    rows: `
      insert into contacts (tenant_id, email, phone) values ('a', 'x', repeat('9', 51)), ('a', 'y', repeat('9', 60));
      insert into leads (tenant_id, email, status) values ('a', 'x', 'cold');
      insert into opportunities (tenant_id, name, amount, probability) values ('a', 'o', -1, 101)`,
    says: [
      'contacts.phone: 2 rows longer than 50 characters',
      'leads: 1 rows break status',
      'opportunities: 1 rows break amount >= 0',
      'opportunities: 1 rows break probability between 0 and 100',
    ],
  },
  '029_enforce_account_name_uniqueness.sql': {
    rows: `
      select lift_forced_rls();
      insert into accounts (tenant_id, name) values ('a', 'O''Brien "x"'), ('a', 'O''BRIEN "X"'), ('b', 'z'), ('b', 'Z');
      select restore_forced_rls()`,
    says: [`tenant a: o'brien "x" (2 times)`, 'tenant b: z (2 times)'],
  },
  '042_fix_entity_transitions_tenant_id_type.sql': {
    rows: `
      select lift_forced_rls();
      insert into entity_transitions (tenant_id, entity_id, from_type, to_type)
      values ('ghost', gen_random_uuid(), 'lead', 'contact'), ('o''ghost; --', gen_random_uuid(), 'lead', 'contact');
      select restore_forced_rls()`,
    says: [`'ghost', 'o''ghost; --'`],
  },
};

test.for(Object.entries(CASES))(
  '%s names every row that it cannot take, and changes nothing',
  async ([file, { rows, says }], { db }) => {
    const client = await db.connect();
    for (const earlier of before(file)) await apply(client, earlier);
    await client.query(rows);
    const schema = await fingerprint(client);
    const error: Error = await apply(client, file).then(
      () => expect.fail('the file was applied'),
      (cause) => cause,
    );
    for (const text of says) expect(error.message).toContain(text);
    expect(difference(schema, await fingerprint(client))).toEqual([]);
  },
);

test('019 keeps the oldest account of each address, whichever table it is in, and logs what it deletes', async ({
  db,
}) => {
  const client = await db.connect();
  await applyRange(client, 1, 18);
  await client.query(`
    insert into users (email, created_at) values
      ('old.user@x.com', '2020-01-01'), ('young.user@x.com', '2025-01-01'),
      ('Twice@x.com', '2021-01-01'), ('twice@X.com', '2020-01-01'), ('alone@x.com', '2020-01-01');
    insert into employees (tenant_id, email, password_hash, created_at) values
      ('a', 'OLD.USER@x.com', 'hash-1', '2021-01-01'), ('a', 'Young.User@x.com', null, '2020-01-01'),
      ('a', 'both@x.com', null, '2020-01-01'), ('b', 'both@x.com', null, '2021-01-01')
  `);
  await apply(client, '019_cleanup_duplicate_emails.sql');
  const emails = async (table: string) =>
    (await db.query(`select email from ${table} order by email collate "C"`)).map(({ email }) => email);
  expect(await emails('users')).toEqual(['alone@x.com', 'old.user@x.com', 'twice@X.com']);
  // Two tenants may employ the same person.
  expect(await emails('employees')).toEqual(['Young.User@x.com', 'both@x.com', 'both@x.com']);
  const log = await db.query(`
    select table_name, old_data ->> 'email' as email, changed_by, old_data ? 'password_hash' as secret
    from audit_log where action = 'DELETE' order by 2
  `);
  const by = { changed_by: '019_cleanup_duplicate_emails.sql', secret: false };
  expect(log).toEqual([
    { table_name: 'employees', email: 'OLD.USER@x.com', ...by },
    { table_name: 'users', email: 'Twice@x.com', ...by },
    { table_name: 'users', email: 'young.user@x.com', ...by },
  ]);
  await apply(client, '020_enforce_email_uniqueness.sql');
});

test('030 changes local addresses with the old ports only', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 29);
  const urls = ['http://localhost:5173/x', 'https://127.0.0.1:3001', 'http://localhost:51730', 'https://x.com:5173/'];
  await client.query('select lift_forced_rls()');
  await client.query(
    "insert into tenant_integrations (tenant_id, integration_type, webhook_url) select 'a', 'x', unnest($1::text[])",
    [urls],
  );
  await client.query(
    "insert into tenant (tenant_id, name, metadata) select u, u, jsonb_build_object('FRONTEND_URL', u) from unnest($1::text[]) u",
    [urls],
  );
  await client.query('select restore_forced_rls()');
  await apply(client, '030_update_port_references.sql');
  const expected = [
    'http://localhost:4000/x',
    'https://127.0.0.1:4001',
    'http://localhost:51730',
    'https://x.com:5173/',
  ];
  const webhooks = await db.superQuery('select webhook_url as url from tenant_integrations');
  const frontends = await db.superQuery("select metadata ->> 'FRONTEND_URL' as url from tenant");
  for (const rows of [webhooks, frontends]) expect(rows.map(({ url }) => url).sort()).toEqual(expected.sort());
});

test('076 keeps the earliest of rows that were archived more than once', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 75);
  await db.superQuery("insert into tenant (id, slug, name) values ('00000000-0000-4000-8000-00000000000a', 'a', 'A')");
  for (const year of ['2021', '2020', '2022'])
    await db.superQuery(
      `with t as (select id from tenant), s as (
        insert into agent_sessions_archive (tenant_id, user_id, session_id, created_at) select id, 'u', 's', $1 from t
      )
      insert into agent_events_archive (tenant_id, user_id, session_id, event_id, created_at) select id, 'u', 's', 'e', $1 from t`,
      [`${year}-01-01T00:00:00Z`],
    );
  await apply(client, '076_agent_sessions_archive_unique.sql');
  for (const table of ['agent_sessions_archive', 'agent_events_archive'])
    expect(await db.superQuery(`select extract(year from created_at)::int as year from ${table}`)).toEqual([
      { year: 2020 },
    ]);
});
