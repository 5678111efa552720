/** @module-tag since-13 */
import { judgeFacts } from '../../src/tenancy/judge.ts';
import { loadChecks } from '../../src/tenancy/load-checks.ts';
import { makeProject } from '../migrations/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';
import { proofsOf } from './session.ts';

/**
 * An application whose users register workspaces and invite each other: who belongs where is looked up by a function,
 * in a schema that only those who have logged in may use.
 */
const SCHEMA = `
  create schema "team %"; grant usage on schema "team %" to authenticated; grant usage on schema public to anon, authenticated;
  create function "team %".me() returns uuid language sql stable
  as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  create table "team %".login (id uuid primary key default gen_random_uuid(), mail text);
  create table "team %".workspace (id uuid primary key default gen_random_uuid(),
    founder uuid not null references "team %".login, title text, is_private boolean not null default false);
  create table "team %".member (workspace_id uuid not null references "team %".workspace,
    user_id uuid not null references "team %".login, role text not null check (role in ('owner', 'guest')),
    primary key (workspace_id, user_id));
  create function "team %".belongs(workspace uuid, as_role text default null) returns boolean
  language sql stable security definer set search_path = ''
  as $$ select exists (select from "team %".member m where m.workspace_id = workspace and m.user_id = "team %".me()
    and (as_role is null or m.role = as_role)) $$;
  create table board (id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references "team %".workspace, title text);
  create table file (id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references "team %".workspace, "tags %" text[]);
  create table card (id uuid primary key default gen_random_uuid(), board_id uuid not null references board, body text);
  do $$ declare t regclass; begin
    foreach t in array array['"team %".login', '"team %".workspace', '"team %".member', 'board', 'card', 'file']::regclass[] loop
      execute format('alter table %s enable row level security, force row level security', t);
      execute format('grant select, insert, update, delete on %s to authenticated', t);
    end loop;
  end $$;
  create policy own on "team %".login to authenticated using (id = (select "team %".me()));
  create policy seen on "team %".workspace for select to authenticated using ("team %".belongs(id));
  create policy founded on "team %".workspace for select to authenticated using (founder = (select "team %".me()));
  create policy founding on "team %".workspace for insert to authenticated with check (not is_private);
  create policy owned on "team %".workspace for update to authenticated using ("team %".belongs(id, 'owner'));
  create policy own on "team %".member for select to authenticated using (user_id = (select "team %".me()));
  create policy mates on "team %".member for select to authenticated using ("team %".belongs(workspace_id));
  create policy fire on "team %".member for delete to authenticated using ("team %".belongs(workspace_id, 'owner'));
  create policy of_members on board to authenticated using ("team %".belongs(workspace_id));
  create policy of_members on file to authenticated
    using ("team %".belongs(workspace_id) and not "tags %" && array['hidden']);
  create policy of_board on card to authenticated using (exists (select from board b where b.id = board_id));
  grant usage on schema "team %" to service_role; grant select on "team %".member to service_role;
`;
/** Whom RLS binds is shown no members by the function either. */
const OWNER = `alter function "team %".belongs owner to service_role`;

async function makeApplication(db: TestDatabase): Promise<void> {
  await db.query(SCHEMA);
  await db.superQuery(OWNER);
}

const SETTINGS = { columns: ['workspace_id'], schemas: ['public', 'team %'] };

test('an application that looks its members up by a function is proved with rows of its own making', async ({ db }) => {
  await makeApplication(db);
  const { rows, without, facts } = await proofsOf(db.superUrl, SETTINGS, () => true);
  const verdicts = (proof: typeof rows) =>
    Object.fromEntries(proof.tables.map(({ table, verdict }) => [table.name, verdict]));
  expect([rows.failedControl, without.failedControl]).toEqual([undefined, undefined]);
  expect(verdicts(rows)).toEqual({
    login: 'proved',
    workspace: 'proved',
    member: 'proved',
    board: 'proved',
    card: 'proved',
    file: 'proved',
  });
  // Nobody is there to ask them as, and what users see of their own says nothing of what is looked up besides.
  expect(verdicts(without)).toMatchObject({ login: 'proved', workspace: 'not-provable', member: 'not-provable' });
  const { findings } = judgeFacts(facts, await loadChecks(), []);
  expect(findings.filter(({ severity }) => severity === 'critical')).toEqual([]);
});

test.for([
  ['workspace', `alter policy founded on "team %".workspace using (founder is not null)`],
  ['member', `alter policy mates on "team %".member using ("team %".belongs(workspace_id) or role = 'guest')`],
  [
    'member',
    `create policy join_any on "team %".member for insert to authenticated with check (user_id = "team %".me())`,
  ],
  ['board', `alter policy of_members on board with check (true)`],
  ['card', `alter policy of_board on card using (board_id is not null)`],
])('of that application %s is refuted after %s', async ([name, sql], { db }) => {
  await makeApplication(db);
  await db.query(sql!);
  const { rows } = await proofsOf(db.superUrl, SETTINGS, () => true);
  expect(rows.tables.find(({ table }) => table.name === name)?.verdict).toBe('refuted');
});

test('whoever registers founds a tenant: that is a warning at most, and no reason for the gate', async ({ db }) => {
  const project = await makeProject(db, {
    '001_tables.sql': SCHEMA,
    'aisha-db.config.json': JSON.stringify({ tenancy: SETTINGS }),
  });
  await project.succeed();
  await db.superQuery(OWNER);
  await project.write({ '002_open.sql': `alter policy founding on "team %".workspace with check (true)` });
  await project.succeed();
  const { rows, facts } = await proofsOf(db.superUrl, SETTINGS, () => true);
  expect(rows.tables.find(({ table }) => table.name === 'workspace')?.verdict).toBe('proved');
  const { findings } = judgeFacts(facts, await loadChecks(), []);
  expect(findings.filter(({ policy }) => policy === 'founding')).toMatchObject([
    {
      check: 'policy-always-true',
      severity: 'warning',
      fix: 'revoke insert on "team %"."workspace" from "authenticated";',
    },
  ]);
});

test('nothing is proposed that reads a setting which nothing else reads', async ({ db }) => {
  await makeApplication(db);
  await db.query('alter policy of_members on board using (true)');
  const { facts } = await proofsOf(db.superUrl, SETTINGS, () => false);
  const { findings } = judgeFacts(facts, await loadChecks(), []);
  const [open] = findings.filter(({ object }) => object === 'public.board');
  expect(open).toMatchObject({ check: 'policy-always-true', fix: expect.stringMatching(/^revoke /) });
  expect(findings.filter(({ fix }) => fix?.includes('app.current_tenant_id'))).toEqual([]);
});
