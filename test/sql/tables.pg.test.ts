/** @module-tag since-15 */
import type pg from 'pg';
import { describe } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { expect, test } from '../support/pack-database.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';

/** A session that works for tenant A as the backend does: under the policies, with the tenant set. */
async function asTenant(db: TestDatabase, tenant = A): Promise<pg.Client> {
  await db.superQuery(
    `insert into tenant (id, slug, name) values ('${A}', 'acme', 'Acme'), ('${B}', 'o''brien "x"', 'O''Brien')
    on conflict do nothing`,
  );
  const client = await db.connect();
  await client.query("select set_config('app.current_tenant_id', $1, false)", [tenant]);
  return client;
}

async function insert(client: pg.Client, table: string, row: Readonly<Record<string, unknown>>): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into ${table} (${Object.keys(row)}) values (${Object.keys(row).map((_, at) => `$${at + 1}`)}) returning id`,
    Object.values(row),
  );
  return rows[0]!.id;
}

/** Appendix A, and the tables of part 1 and chapter 7: table, key columns, columns with an index of their own. */
const TABLES: readonly (readonly [string, string, string])[] = [
  ['accounts', 'tenant_id name industry website revenue owner_id metadata', 'tenant_id name'],
  ['contacts', 'tenant_id first_name last_name email account_id owner_id metadata', 'tenant_id email account_id'],
  ['leads', 'tenant_id first_name last_name email company status job_title created_date', 'tenant_id status'],
  [
    'opportunities',
    'tenant_id name stage amount probability account_id contact_id',
    'tenant_id stage account_id contact_id',
  ],
  [
    'activities',
    'tenant_id type subject status priority due_date assigned_to related_id',
    'tenant_id related_id status',
  ],
  ['notes', 'tenant_id content related_id', 'tenant_id'],
  ['notifications', 'tenant_id title', 'tenant_id'],
  ['users', 'email password_hash role status tenant_id', 'role'],
  ['employee', 'tenant_id email first_name last_name role status', 'tenant_id'],
  ['tenant', 'name slug status plan settings metadata created_at updated_at', 'slug status'],
  ['bizdev_source', 'tenant_id name', 'tenant_id'],
  ['cash_flow', 'tenant_id transaction_type amount', 'tenant_id'],
  ['daily_sales_metrics', 'tenant_id metric_date', 'tenant_id'],
  [
    'audit_log',
    'action table_name record_id old_data new_data changed_by changed_at',
    'changed_at table_name record_id',
  ],
  ['system_logs', 'tenant_id level message source', 'tenant_id level created_at'],
  ['performance_logs', 'endpoint duration status_code error', 'endpoint created_at'],
  ['modulesettings', 'tenant_id module_name', 'tenant_id'],
  ['api_key', 'tenant_id name key_hash expires_at rate_limit_per_minute', 'tenant_id'],
  ['systembranding', 'tenant_id logo_url primary_color custom_domain', 'tenant_id custom_domain'],
  ['workflow', 'tenant_id name', 'tenant_id'],
  ['workflow_execution', 'tenant_id workflow_id', 'tenant_id workflow_id'],
  ['cron_job', 'name schedule', 'tenant_id'],
  ['conversations', 'tenant_id user_email status title topic', 'tenant_id topic'],
  ['conversation_messages', 'tenant_id conversation_id role content', 'tenant_id conversation_id'],
  ['documents', 'tenant_id name storage_path', 'tenant_id'],
  ['tenant_integrations', 'tenant_id api_credentials webhook_url is_active', 'tenant_id'],
  ['permissions', 'tenant_id role resource action', 'tenant_id'],
  ['sync_health', 'tenant_id status last_success_at last_error', 'tenant_id integration_id'],
  [
    'ai_campaigns',
    'tenant_id name status description target_contacts performance_metrics metadata created_at updated_at',
    'tenant_id status',
  ],
  ['entity_transitions', 'tenant_id entity_id from_type to_type transition_data', 'tenant_id entity_id'],
  ['webhook', 'tenant_id url event_types is_active secret', 'tenant_id'],
  ['agent_sessions_archive', 'tenant_id user_id session_id payload', 'tenant_id user_id session_id created_at'],
  ['agent_events_archive', 'tenant_id user_id session_id payload', 'tenant_id user_id session_id created_at'],
];

test('every table of the manual is there, with its key columns, its UUID key and its indexes, and no other', async ({
  packDb: db,
}) => {
  const tables = await db.query<{ name: string; columns: string[]; indexed: string[]; key: string }>(`
    select relname as name,
      array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
      array(
        select attname::text from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where i.indrelid = c.oid and i.indpred is null
      ) as indexed,
      (
        select format('%s %s %s', attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid))
        from pg_attribute join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = c.oid and attname = 'id'
      ) as key
    from pg_class c
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  `);
  expect(tables.map(({ name }) => name).sort()).toEqual(TABLES.map(([name]) => name).sort());
  for (const [name, columns, indexed] of TABLES) {
    const table = tables.find((other) => other.name === name)!;
    expect(table.key, name).toBe('id uuid gen_random_uuid()');
    expect(table.columns, name).toEqual(expect.arrayContaining(columns.split(' ')));
    expect(table.indexed, name).toEqual(expect.arrayContaining(indexed.split(' ')));
  }
});

test('foreign keys do what the conventions say when the row they refer to goes', async ({ packDb: db }) => {
  const keys = await db.query<{ child: string; parent: string; action: string }>(`
    select conrelid::regclass::text as child, confrelid::regclass::text as parent, confdeltype as action
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace
  `);
  const owned = ['workflow_execution', 'conversation_messages', 'sync_health'];
  const wrong = keys.filter(
    ({ child, parent, action }) => action !== (parent === 'tenant' || owned.includes(child) ? 'c' : 'n'),
  );
  expect(wrong).toEqual([]);
  expect(keys.map(({ child, parent }) => `${child} to ${parent}`)).toEqual(
    expect.arrayContaining([
      'contacts to accounts',
      'opportunities to accounts',
      'opportunities to contacts',
      ...['accounts', 'contacts', 'leads', 'opportunities', 'activities'].map((child) => `${child} to employee`),
    ]),
  );
});

test('deleting an account, a contact or an employee leaves the rows that referred to it', async ({ packDb: db }) => {
  const client = await asTenant(db);
  const owner = await insert(client, 'employee', { tenant_id: A, email: 'o@a.com' });
  const account = await insert(client, 'accounts', { tenant_id: A, name: 'a', owner_id: owner });
  const contact = await insert(client, 'contacts', { tenant_id: A, account_id: account, owner_id: owner });
  const opportunity = { tenant_id: A, name: 'o', account_id: account, contact_id: contact, owner_id: owner };
  await insert(client, 'opportunities', opportunity);
  await client.query('delete from accounts; delete from employee; delete from contacts');
  const { rows } = await client.query('select account_id, contact_id, owner_id from opportunities');
  expect(rows).toEqual([{ account_id: null, contact_id: null, owner_id: null }]);
});

test('values out of range and unknown states are refused', async ({ packDb: db }) => {
  const client = await asTenant(db);
  const refused = async (table: string, row: Readonly<Record<string, unknown>>) =>
    expect(insert(client, table, { tenant_id: A, ...row }), JSON.stringify([table, row])).rejects.toMatchObject({
      code: '23514',
    });
  await refused('leads', { status: 'cold' });
  await refused('opportunities', { name: 'o', amount: -1 });
  await refused('opportunities', { name: 'o', probability: 101 });
  await refused('opportunities', { name: 'o', probability: -1 });
  await refused('documents', { name: 'd', storage_path: 'p', size_bytes: -1 });
  await refused('sync_health', { status: 'fine' });
  const campaign = (row: Readonly<Record<string, unknown>>) => refused('ai_campaigns', { name: 'c', ...row });
  await campaign({ status: 'done' });
  await campaign({ target_contacts: '{}' });
  await campaign({ performance_metrics: '[]' });
  await campaign({ metadata: '[]' });
  await campaign({ metadata: '{"campaign_type": "fax"}' });
});

test('the example insert of appendix A is accepted, with every status', async ({ packDb: db }) => {
  const client = await asTenant(db);
  for (const status of ['draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled']) {
    await insert(client, 'ai_campaigns', {
      tenant_id: A,
      name: 'Q1 Nurture (Email)',
      status,
      target_contacts:
        '[{"contact_id": "x", "contact_name": "Jane", "email": "jane@example.com", "status": "pending"}]',
      performance_metrics: '{}',
      metadata: '{"campaign_type": "email", "ai_email_config": {"subject": "from {{company_name}}"}}',
    });
  }
});

test('an update moves updated_at, whatever it says itself', async ({ packDb: db }) => {
  const client = await asTenant(db);
  await insert(client, 'accounts', { tenant_id: A, name: 'a', updated_at: '2020-01-01' });
  await client.query("update accounts set name = 'b', updated_at = '2021-01-01'");
  const { rows } = await client.query('select updated_at > now() - interval $$1 hour$$ as moved from accounts');
  expect(rows).toEqual([{ moved: true }]);
});

describe('the audit log', () => {
  const log = (db: TestDatabase, table: string) =>
    db.superQuery(
      `select action, old_data ->> 'name' as old, new_data ->> 'name' as new, changed_by from audit_log
      where table_name = $1 order by changed_at, action`,
      [table],
    );

  test('tells each change of a row and who made it', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await client.query("select set_config('app.current_user_email', 'Maria@acme.com', false)");
    await client.query("insert into accounts (tenant_id, name) select $1, unnest(array['a', 'z'])", [A]);
    await client.query("update accounts set name = 'b' where name = 'a'");
    await client.query('update accounts set name = name');
    await client.query("delete from accounts where name = 'b'");
    const by = { changed_by: 'maria@acme.com' };
    expect(await log(db, 'accounts')).toEqual([
      { action: 'INSERT', old: null, new: 'a', ...by },
      { action: 'INSERT', old: null, new: 'z', ...by },
      { action: 'UPDATE', old: 'a', new: 'b', ...by },
      { action: 'DELETE', old: 'b', new: null, ...by },
    ]);
  });

  test('goes with the change it tells of', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await client.query('begin');
    await insert(client, 'accounts', { tenant_id: A, name: 'a' });
    await client.query('rollback');
    expect(await log(db, 'accounts')).toEqual([]);
  });

  test('holds no password hash', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await insert(client, 'employee', { tenant_id: A, email: 'a@a.com', password_hash: 'hash-1' });
    await client.query("update employee set password_hash = 'hash-2'");
    await client.query('delete from employee');
    const rows = await db.superQuery("select to_jsonb(l)::text as text from audit_log l where table_name = 'employee'");
    expect(rows.length).toBeGreaterThanOrEqual(2);
    for (const { text } of rows) expect(text).not.toContain('hash-');
  });

  test('cannot be changed, not by the owner either', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await insert(client, 'accounts', { tenant_id: A, name: 'a' });
    expect((await client.query("update audit_log set changed_by = 'nobody'")).rowCount).toBe(0);
    expect((await client.query('delete from audit_log')).rowCount).toBe(0);
    expect(await log(db, 'accounts')).toHaveLength(1);
  });
});

describe('an e-mail address', () => {
  test('is in users or in employee, once in each tenant, in any case; a row keeps its own', async ({ packDb: db }) => {
    const client = await asTenant(db);
    const other = await asTenant(db, B);
    const refused = (promise: Promise<unknown>) => expect(promise).rejects.toMatchObject({ code: '23505' });
    await insert(client, 'users', { tenant_id: A, email: 'User@x.com' });
    await insert(client, 'employee', { tenant_id: A, email: 'Emp@x.com' });
    await insert(other, 'employee', { tenant_id: B, email: 'emp@X.com' });

    await refused(insert(client, 'users', { tenant_id: A, email: 'uSER@x.com' }));
    await refused(insert(client, 'users', { tenant_id: A, email: 'EMP@x.com' }));
    await refused(insert(client, 'employee', { tenant_id: A, email: 'emp@x.com' }));
    await refused(insert(other, 'employee', { tenant_id: B, email: 'USER@X.com' }));
    await refused(client.query("update employee set email = 'user@x.com'"));
    await refused(client.query("update users set email = 'emp@x.com' where tenant_id is not null"));

    await client.query("update users set first_name = 'U', email = email; update employee set email = 'EMP@x.com'");
    await insert(client, 'employee', { tenant_id: A, email: 'new@x.com' });
    await client.query("update employee set email = 'newer@x.com' where email = 'new@x.com'");
    await refused(
      client.query("insert into employees (tenant_id, email) values ($1, 'USER@x.com')", [A]).then(() => undefined),
    );
  });

  test('does not come into both tables by two transactions at once', async ({ packDb: db }) => {
    const [first, second] = [await asTenant(db), await asTenant(db)];
    await first.query('begin');
    await insert(first, 'users', { tenant_id: A, email: 'same@x.com' });
    const waiting = expect(insert(second, 'employee', { tenant_id: A, email: 'Same@x.com' })).rejects.toMatchObject({
      code: '23505',
    });
    await expect
      .poll(() =>
        db.superQuery(
          'select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())',
        ),
      )
      .toHaveLength(1);
    await first.query('commit');
    await waiting;
  });

  test('may be left out in any number of contacts', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await insert(client, 'contacts', { tenant_id: A, first_name: 'a' });
    await insert(client, 'contacts', { tenant_id: A, first_name: 'b' });
  });
});

test('an account name is unique in its tenant, in any case', async ({ packDb: db }) => {
  const client = await asTenant(db);
  await insert(client, 'accounts', { tenant_id: A, name: 'Acme' });
  await expect(insert(client, 'accounts', { tenant_id: A, name: 'ACME' })).rejects.toMatchObject({ code: '23505' });
  await insert(await asTenant(db, B), 'accounts', { tenant_id: B, name: 'Acme' });
});

describe('the views of 040 and 041', () => {
  test('show a contact with account and owner, the pipeline by stage, and the calendar', async ({ packDb: db }) => {
    const client = await asTenant(db);
    const owner = await insert(client, 'employee', {
      tenant_id: A,
      email: 'o@a.com',
      first_name: "Zoë 'Z'",
      last_name: 'Ö',
    });
    const account = await insert(client, 'accounts', { tenant_id: A, name: 'Acc', industry: 'Retail' });
    await insert(client, 'contacts', { tenant_id: A, first_name: 'C', account_id: account, owner_id: owner });
    await insert(client, 'contacts', { tenant_id: A, first_name: 'D' });
    const contacts = await client.query(
      'select first_name, account_name, account_industry, owner_name from v_contact_full order by 1',
    );
    expect(contacts.rows).toEqual([
      { first_name: 'C', account_name: 'Acc', account_industry: 'Retail', owner_name: "Zoë 'Z' Ö" },
      { first_name: 'D', account_name: null, account_industry: null, owner_name: null },
    ]);

    for (const [stage, amount, deleted_at] of [
      ['proposal', 100],
      ['proposal', 300],
      ['won', 50],
      ['won', 9, '2025-01-01'],
    ])
      await insert(client, 'opportunities', { tenant_id: A, name: 'o', stage, amount, probability: 50, deleted_at });
    const pipeline = await client.query(`
      select stage, opportunity_count::int as n, total_value::float as total, weighted_value::float as weighted
      from v_opportunity_pipeline order by stage
    `);
    expect(pipeline.rows).toEqual([
      { stage: 'proposal', n: 2, total: 400, weighted: 200 },
      { stage: 'won', n: 1, total: 50, weighted: 25 },
    ]);

    const activity = (row: Readonly<Record<string, unknown>>) =>
      insert(client, 'activities', { tenant_id: A, type: 'meeting', ...row });
    await activity({ subject: 'column', due_date: '2025-05-01T10:00:00Z', duration_minutes: 30 });
    await activity({
      subject: 'metadata',
      metadata: '{"start": "2025-05-02T10:00:00Z", "end": "2025-05-02T11:00:00Z"}',
    });
    await activity({ subject: 'unreadable', metadata: '{"start": "2025-55-05T10:00:00Z"}' });
    await activity({ subject: 'no date' });
    const calendar = await client.query(
      'select subject, ends_at - starts_at = $1 as length from v_activity_calendar order by 1',
      ['30 min'],
    );
    expect(calendar.rows).toEqual([
      { subject: 'column', length: true },
      { subject: 'metadata', length: false },
    ]);
  });

  test('show no row of another tenant, not even to the owner of the view', async ({ packDb: db }) => {
    await insert(await asTenant(db), 'contacts', { tenant_id: A, first_name: 'secret' });
    const other = await asTenant(db, B);
    expect((await other.query('select from v_contact_full')).rowCount).toBe(0);
    expect((await other.query('select from employees')).rowCount).toBe(0);
  });
});

describe('the names before 051', () => {
  test.for([
    ['employees', 'employee', { email: 'a@a.com' }],
    ['bizdev_sources', 'bizdev_source', { name: "x'; --" }],
    ['workflows', 'workflow', { name: '"w"' }],
  ] as const)('%s reads and writes the rows of %s', async ([before, now, row], { packDb: db }) => {
    const client = await asTenant(db);
    const id = await insert(client, before, { tenant_id: A, ...row });
    expect((await client.query(`select id from ${now}`)).rows).toEqual([{ id }]);
    expect((await client.query(`update ${before} set metadata = '{"a": 1}' where id = $1`, [id])).rowCount).toBe(1);
    expect((await client.query(`select metadata from ${now}`)).rows).toEqual([{ metadata: { a: 1 } }]);
    expect((await client.query(`delete from ${before}`)).rowCount).toBe(1);
    expect((await client.query(`select from ${now}`)).rowCount).toBe(0);
    await expect(insert(client, before, { tenant_id: B, ...row })).rejects.toMatchObject({ code: '42501' });
    // Every column is there under the old name too.
    const columns = (table: string) =>
      db.query(
        'select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by 1',
        [table],
      );
    expect(await columns(before)).toEqual(await columns(now));
  });
});

describe('a conversion', () => {
  test('keeps the id from lead to contact to opportunity, and is taken back in reverse order', async ({
    packDb: db,
  }) => {
    const client = await asTenant(db);
    const lead = await insert(client, 'leads', {
      tenant_id: A,
      first_name: 'L',
      email: 'l@x.com',
      status: 'qualified',
    });
    const call = async (sql: string, ...params: unknown[]) =>
      (await client.query(`select ${sql} as id`, params)).rows[0].id;
    const toContact = await call('convert_lead_to_contact($1)', lead);
    const toOpportunity = await call("convert_contact_to_opportunity($1, 'deal', 5)", lead);
    expect((await client.query('select id, first_name, email from contacts')).rows).toEqual([
      { id: lead, first_name: 'L', email: 'l@x.com' },
    ]);
    expect((await client.query('select id, contact_id, name from opportunities')).rows).toEqual([
      { id: lead, contact_id: lead, name: 'deal' },
    ]);
    expect((await client.query('select status from leads')).rows).toEqual([{ status: 'converted' }]);

    await expect(call('revert_entity_transition($1)', toContact)).rejects.toThrow(`revert ${toOpportunity} first`);
    await call('revert_entity_transition($1)', toOpportunity);
    await call('revert_entity_transition($1)', toContact);
    await expect(call('revert_entity_transition($1)', toContact)).rejects.toThrow('has been reverted already');
    expect((await client.query('select from contacts union all select from opportunities')).rowCount).toBe(0);
    expect((await client.query('select status from leads')).rows).toEqual([{ status: 'qualified' }]);
    const { rows } = await client.query('select from_type, to_type from entity_transitions order by created_at');
    expect(rows.map(({ from_type, to_type }) => `${from_type} ${to_type}`)).toEqual([
      'lead contact',
      'contact opportunity',
      'opportunity contact',
      'contact lead',
    ]);
  });

  test('of a lead of another tenant finds no lead', async ({ packDb: db }) => {
    const lead = await insert(await asTenant(db), 'leads', { tenant_id: A, first_name: 'L' });
    const other = await asTenant(db, B);
    await expect(other.query('select convert_lead_to_contact($1)', [lead])).rejects.toThrow(`no lead ${lead}`);
  });
});

test('slug and UUID of a tenant lead to each other', async ({ packDb: db }) => {
  await asTenant(db);
  const [row] = await db.superQuery(
    `select resolve_tenant_id('acme') as by_slug, resolve_tenant_id($1) as by_uuid, resolve_tenant_id('x') as unknown,
      resolve_tenant_id('o''brien "x"') as hostile, tenant_slug($1::text::uuid) as slug`,
    [A],
  );
  expect(row).toEqual({ by_slug: A, by_uuid: A, unknown: null, hostile: B, slug: 'acme' });
  await db.superQuery(`insert into tenant (slug, name) values ('${A}', 'trap')`);
  await expect(db.superQuery('select resolve_tenant_id($1)', [A])).rejects.toThrow('is ambiguous');
});

describe('archiving a session', () => {
  const EVENTS = JSON.stringify([
    { id: 'e1', type: 'said', payload: { text: "it's" } },
    { id: 'e2', type: 'said', payload: {} },
  ]);

  test('twice leaves one session and each event once, with the tenant noted in the payload', async ({ packDb: db }) => {
    await asTenant(db);
    const archive = async (tenant: string, payload: object, events: string) => {
      const sql = 'select archive_agent_session($1, $2, $3, $4, $5) as id';
      return (await db.superQuery(sql, [tenant, 'u', 's', payload, events]))[0]!['id'];
    };
    const first = await archive('acme', { n: 1 }, EVENTS);
    expect(await archive(A, { n: 2 }, EVENTS)).toBe(first);
    expect(await archive(A, { n: 2 }, JSON.stringify([{ id: 'e3' }]))).toBe(first);
    expect(await db.superQuery('select tenant_id, payload from agent_sessions_archive')).toEqual([
      { tenant_id: A, payload: { n: 2, _tenant: { input: A, slug: 'acme', uuid: A, source: 'db-id' } } },
    ]);
    expect(await db.superQuery('select event_id from agent_events_archive order by 1')).toEqual(
      ['e1', 'e2', 'e3'].map((event_id) => ({ event_id })),
    );
    await expect(archive('nobody', {}, '[]')).rejects.toThrow('no tenant "nobody"');
  });

  test('is for the backend: a tenant reads its archive and writes nothing', async ({ packDb: db }) => {
    const client = await asTenant(db);
    await db.superQuery('select archive_agent_session($1, $2, $3)', ['acme', 'u', 's']);
    expect((await client.query('select from agent_sessions_archive')).rowCount).toBe(1);
    expect((await client.query("update agent_sessions_archive set user_id = 'x'")).rowCount).toBe(0);
    expect((await client.query('delete from agent_sessions_archive')).rowCount).toBe(0);
    expect((await (await asTenant(db, B)).query('select from agent_sessions_archive')).rowCount).toBe(0);
    await client.query('set role authenticated');
    await expect(client.query("select archive_agent_session('acme', 'u', 's')")).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('a second row for the session or the event is refused', async ({ packDb: db }) => {
    await asTenant(db);
    const session = 'insert into agent_sessions_archive (tenant_id, user_id, session_id) values ($1, $2, $3)';
    await db.superQuery(session, [A, 'u', 's']);
    await expect(db.superQuery(session, [A, 'u', 's'])).rejects.toMatchObject({
      constraint: 'agent_sessions_archive_unique',
    });
    await db.superQuery(session, [A, 'u', 's2']);
    await db.superQuery(session, [B, 'u', 's']);
  });
});
