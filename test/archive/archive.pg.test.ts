import { onTestFinished } from 'vitest';
import { makeProject } from '../commands/project.ts';
import type { TestDatabase } from '../support/database.ts';
import { onSuperuser } from '../support/global-setup.ts';
import { expect, test } from '../support/pack-database.ts';
import { testServer } from '../support/server.ts';
import { ACME, SYSTEM } from '../tenants/database.ts';

/** The shipped schema with two tenants, and a role as Supabase has it: no superuser, bound by no policy. */
async function makeMemory(db: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const role = `crm_${db.name}`;
  const server = testServer();
  const { host, port } = server;
  // A role belongs to the server, and others look for privileged ones.
  onTestFinished(() => onSuperuser(server, (client) => client.query(`drop role ${role}`)).then(() => {}));
  await db.superQuery(`
    create role ${role} login bypassrls password 'secret' in role app_owner;
    insert into tenant (id, slug, name) values ('${ACME}', 'acme', 'Acme'), ('${SYSTEM}', 'internal', 'System');
    set role app_owner;
    create table agent_sessions (
      tenant_id text, user_id text, session_id text, status text, payload jsonb, mood text,
      created_at timestamptz default now() - interval '50 days', updated_at timestamptz default now() - interval '40 days',
      primary key (tenant_id, user_id, session_id)
    );
    create table agent_events (
      id bigint generated always as identity, tenant_id text, user_id text, session_id text, type text, payload jsonb,
      created_at timestamptz default now() - interval '45 days'
    );
    insert into agent_sessions (tenant_id, user_id, session_id, status, payload, mood) values
      ('acme', 'o''brien', 's"1" %', 'Completed', '{"turns": 3}', 'calm'),
      ('${ACME}', 'u', 's2', 'expired', '[1, 2]', null),
      ('system', 'u', 's3', 'closed', null, null),
      ('acme', 'u', 'running', 'active', '{}', null),
      ('nobody', 'u', 's4', 'closed', '{}', null);
    insert into agent_sessions (tenant_id, user_id, session_id, status, updated_at) values ('acme', 'u', 'young', 'closed', now());
    insert into agent_events (tenant_id, user_id, session_id, type, payload)
      select tenant_id, user_id, session_id, 'said', jsonb_build_object('n', n) from agent_sessions, generate_series(1, 2) n;
    reset role
  `);
  return { DATABASE_URL: `postgresql://${role}:secret@${host}:${port}/${db.name}`, SYSTEM_TENANT_ID: SYSTEM };
}

const left = async (db: TestDatabase) =>
  (await db.superQuery<{ session_id: string }>('select session_id from agent_sessions order by 1')).map(
    ({ session_id }) => session_id,
  );

test('archive move takes finished sessions of that age with their events, each with its tenant', async ({
  packDb: db,
}) => {
  const project = await makeProject({}, { env: await makeMemory(db) });
  const dry = await project.report('archive', 'move', '--dry-run');
  expect(dry.data).toMatchObject({ dryRun: true, moved: { sessions: 3, events: 6 } });
  expect(await left(db)).toHaveLength(6);

  const report = await project.report('archive', 'move', '--batch', '2');
  expect(report.data.moved).toEqual({ sessions: 3, events: 6 });
  expect(await left(db)).toEqual(['running', 's4', 'young']);
  expect(report.findings).toMatchObject([{ check: 'session-of-no-tenant', object: 'nobody' }]);
  expect(report.exitCode).toBe(1);

  const rows = await db.superQuery(
    'select tenant_id, user_id, session_id, payload from agent_sessions_archive order by 3',
  );
  expect(rows).toMatchObject([
    {
      tenant_id: ACME,
      user_id: "o'brien",
      session_id: 's"1" %',
      payload: {
        turns: 3,
        _row: { mood: 'calm', status: 'Completed' },
        _tenant: { input: 'acme', slug: 'acme', uuid: ACME, source: 'db-slug' },
      },
    },
    { session_id: 's2', payload: { _payload: [1, 2], _tenant: { input: ACME, source: 'db-id' } } },
    { session_id: 's3', tenant_id: SYSTEM, payload: { _tenant: { input: 'system', slug: 'internal', source: 'env' } } },
  ]);
  const events = await db.superQuery(
    "select event_type, payload from agent_events_archive where session_id = 's3' order by event_id",
  );
  expect(events).toMatchObject([
    { event_type: 'said', payload: { n: 1, _tenant: { uuid: SYSTEM } } },
    { event_type: 'said', payload: { n: 2 } },
  ]);
});

test('what comes again, or late, is archived once: the session is updated and its events follow it', async ({
  packDb: db,
}) => {
  const project = await makeProject({}, { env: await makeMemory(db) });
  await project.run('archive', 'move');
  await db.superQuery(`
    insert into agent_sessions (tenant_id, user_id, session_id, status, payload) values ('acme', 'o''brien', 's"1" %', 'closed', '{"turns": 4}');
    insert into agent_events (tenant_id, user_id, session_id, type) values ('system', 'u', 's3', 'late')
  `);
  expect((await project.report('archive', 'move')).data.moved).toEqual({ sessions: 1, events: 1 });
  expect((await project.report('archive', 'move')).data.moved).toEqual({ sessions: 0, events: 0 });
  const [counts] = await db.superQuery(`
    select (select count(*) from agent_sessions_archive)::int as sessions, (select count(*) from agent_events_archive)::int as events,
      (select payload ->> 'turns' from agent_sessions_archive where user_id = 'o''brien') as turns
  `);
  expect(counts).toEqual({ sessions: 3, events: 7, turns: '4' });
  expect((await project.report('archive', 'check')).checks.map(({ status }: { status: string }) => status)).toEqual([
    'passed',
    'passed',
  ]);
});

test('a session that another run has in hand is passed over, and moved by the next run', async ({ packDb: db }) => {
  const env = await makeMemory(db);
  const project = await makeProject({}, { env });
  const other = await db.connect(db.superUrl);
  await other.query("begin; select from agent_sessions where session_id = 's2' for update");
  expect((await project.report('archive', 'move')).data.moved.sessions).toBe(2);
  await other.query('rollback');
  expect((await project.report('archive', 'move')).data.moved.sessions).toBe(1);
});

test('nothing is moved when the archive refuses a row: what is deleted is what is archived', async ({ packDb: db }) => {
  const env = await makeMemory(db);
  await db.superQuery("alter table agent_events_archive add check (payload ->> 'n' is distinct from '2')");
  const { code } = await (await makeProject({}, { env })).run('archive', 'move');
  expect(code).not.toBe(0);
  expect(await left(db)).toHaveLength(6);
  expect(await db.superQuery('select from agent_sessions_archive')).toEqual([]);
});

test('it says what is missing: a table, a column, a right, a known word', async ({ packDb: db }) => {
  const env = await makeMemory(db);
  const project = await makeProject({}, { env });
  await db.superQuery('create table half (user_id text, state text)');
  const cases = [
    [['move', '--sessions', 'public.none'], 2, 'there is no table public.none to archive from'],
    [['move', '--sessions', 'public.half'], 2, 'public.half lacks tenant_id; session_id; ended_at or'],
    [['move', '--older-than', 'long'], 2, '--older-than "long" is not a duration'],
    [['move', '--batch', '0'], 2, '--batch "0" is not a number from 1'],
    [['mov'], 2, 'archive cannot "mov"'],
  ] as const;
  for (const [args, code, message] of cases) {
    expect(await project.run('archive', ...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  }
  const bound = await makeProject({}, db);
  expect(await bound.run('archive', 'move')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('row-level security hides'),
  });
});
