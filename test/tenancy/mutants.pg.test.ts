/** @module-tag since-15 */
import { expect } from 'vitest';
import { judgeFacts } from '../../src/tenancy/judge.ts';
import { loadChecks } from '../../src/tenancy/load-checks.ts';
import type { TestDatabase } from '../support/database.ts';
import { test as packTest } from '../support/pack-database.ts';
import { proofsOf } from './session.ts';

const SETTING = `(select nullif(current_setting('app.current_tenant_id', true), '')::uuid)`;

/** One way in which a change may open the pack's tables: what is run as their owner, and the table that it opens. */
interface Mutant {
  readonly name: string;
  readonly sql: string;
  /** Table, view or function; a finding or a proof has to name it. */
  readonly opens: string;
  /** The change to undo it with: all mutants share a database. */
  readonly undo: string;
}

const policy = (table: string, condition: string, check = condition) =>
  `alter policy tenant_isolation on ${table} using (${condition}) with check (${check})`;
const secure = (table: string) => `select apply_tenant_rls('${table}')`;

/** A policy of a table changed. */
const changed = (name: string, table: string, sql: string): Mutant => ({
  name,
  sql,
  opens: table,
  undo: secure(table),
});

/** A policy added beside the table's own: permissive ones open, whatever the others say. */
const added = (name: string, table: string, clauses: string): Mutant => ({
  name,
  sql: `create policy mutant on ${table} ${clauses}`,
  opens: table,
  undo: `drop policy mutant on ${table}`,
});

const IDS = '(select public.visible_tenant_ids())::uuid[]';

const MUTANTS: readonly Mutant[] = [
  changed('the policy is dropped', 'contacts', 'drop policy tenant_isolation on contacts'),
  changed('USING true', 'contacts', policy('contacts', 'true')),
  changed('1 = 1', 'accounts', policy('accounts', '1 = 1')),
  changed('OR true', 'leads', policy('leads', `tenant_id = any (${IDS}) or true`)),
  changed('the column compared with itself', 'notes', policy('notes', 'tenant_id = tenant_id')),
  changed('IS NOT NULL', 'notes', policy('notes', 'tenant_id is not null')),
  changed('NOT false', 'documents', policy('documents', 'not false')),
  changed('the wrong column', 'contacts', policy('contacts', `id = any (${IDS})`)),
  changed('another wrong column', 'contacts', policy('contacts', `account_id = any (${IDS})`)),
  changed('the negated condition', 'webhook', policy('webhook', `tenant_id <> all (${IDS})`)),
  changed(
    'the wrong type, as text',
    'leads',
    policy('leads', `tenant_id::text = current_setting('app.current_tenant_id', true)`),
  ),
  changed(
    'an error on the empty string',
    'leads',
    policy('leads', `tenant_id = (select current_setting('app.current_tenant_id', true)::uuid)`),
  ),
  changed(
    'an error where it was never set',
    'leads',
    policy('leads', `tenant_id = (select nullif(current_setting('app.current_tenant_id'), '')::uuid)`),
  ),
  changed(
    'evaluated for each row',
    'activities',
    policy('activities', `tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid`),
  ),
  changed(
    'open where nothing is set',
    'activities',
    policy('activities', `tenant_id = ${SETTING} or ${SETTING} is null`),
  ),
  changed(
    'coalesce to the row itself',
    'activities',
    policy('activities', `tenant_id = coalesce(${SETTING}, tenant_id)`),
  ),
  changed('WITH CHECK true', 'opportunities', policy('opportunities', `tenant_id = any (${IDS})`, 'true')),
  changed(
    'WITH CHECK on another column',
    'opportunities',
    policy('opportunities', `tenant_id = any (${IDS})`, 'id is not null'),
  ),
  changed('open on the value of a column', 'leads', policy('leads', `tenant_id = any (${IDS}) or status = 'new'`)),
  changed(
    'open for one tenant that is named',
    'leads',
    policy('leads', `tenant_id = any (${IDS}) or tenant_id = '00000000-0000-4000-8000-00000000abcd'`),
  ),
  changed('email = current_user', 'contacts', policy('contacts', `tenant_id = any (${IDS}) or email = current_user`)),
  changed(
    'claims that users edit',
    'api_key',
    policy(
      'api_key',
      `tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata' ->> 'tenant_id')::uuid)`,
    ),
  ),
  changed('nobody sees anything', 'cash_flow', policy('cash_flow', 'false')),
  changed('only another role', 'workflow', 'alter policy tenant_isolation on workflow to service_role'),
  changed('RLS switched off', 'employee', 'alter table employee disable row level security'),
  changed('FORCE removed', 'employee', 'alter table employee no force row level security'),
  added('a permissive SELECT policy', 'conversations', 'for select using (true)'),
  added(
    'a permissive UPDATE policy, which only blind statements show',
    'conversations',
    'for update using (true) with check (true)',
  ),
  added(
    'an UPDATE policy that lets rows be taken',
    'conversations',
    `for update using (true) with check (tenant_id = any (${IDS}))`,
  ),
  added('a permissive DELETE policy, which only blind statements show', 'conversations', 'for delete using (true)'),
  added('a permissive INSERT policy', 'conversations', 'for insert with check (true)'),
  added(
    'a policy for everybody in place of service_role',
    'tenant_integrations',
    "to public using ((select current_user) <> 'nobody')",
  ),
  added('a tenant registry that everybody reads', 'tenant', "for select using (status = 'active')"),
  added('users that everybody reads', 'users', 'for select using (email is not null)'),
  {
    name: 'a view without security_invoker',
    sql: `create view mutant_view as select * from sync_health; alter table sync_health no force row level security;
      grant select on mutant_view to authenticated`,
    opens: 'mutant_view',
    undo: 'drop view mutant_view; alter table sync_health force row level security',
  },
  {
    name: 'a materialized view',
    sql: 'create materialized view mutant_copy as select * from contacts; grant select on mutant_copy to authenticated',
    opens: 'mutant_copy',
    undo: 'drop materialized view mutant_copy',
  },
  {
    name: 'a SECURITY DEFINER function that clients may call',
    sql: `create function mutant_function() returns setof permissions language sql stable security definer set search_path = ''
      as 'select * from public.permissions';
      grant execute on function mutant_function() to authenticated; alter table permissions no force row level security`,
    opens: 'mutant_function',
    undo: 'drop function mutant_function(); alter table permissions force row level security',
  },
  {
    name: 'TRUNCATE, which ignores policies',
    sql: 'grant truncate on leads to authenticated',
    opens: 'leads',
    undo: 'revoke truncate on leads from authenticated',
  },
  {
    name: 'a new table without RLS',
    sql: 'create table mutant_table (id uuid primary key, tenant_id uuid not null references tenant); grant select on mutant_table to authenticated',
    opens: 'mutant_table',
    undo: 'drop table mutant_table',
  },
];

/** The pack as a Supabase project has it: open to the API's roles by grants. */
const test = packTest.extend('granted', { scope: 'test' }, async ({ packDb }: { packDb: TestDatabase }) => {
  await packDb.query(`
    grant usage on schema public to anon, authenticated, service_role;
    grant select, insert, update, delete on all tables in schema public to authenticated, service_role`);
  return packDb;
});

/** It opens every table at once: tried alone, after all others. */
const LAST: Mutant = {
  name: 'the function behind the policies open to all',
  sql: `create or replace function visible_tenant_ids() returns uuid[] language sql stable security definer parallel safe
      set search_path = '' as 'select public.lookup_all_tenants()'`,
  opens: 'contacts',
  undo: '',
};

/** Mutants of different tables do not hide each other: they are looked at together. */
function inGroups(mutants: readonly Mutant[]): Mutant[][] {
  const groups: Mutant[][] = [];
  for (const mutant of mutants) {
    const free = groups.find((group) => group.every(({ opens }) => opens !== mutant.opens));
    if (free === undefined) groups.push([mutant]);
    else free.push(mutant);
  }
  return groups;
}

/** What is found and proved of each table, view and function, by its name; with rows of the tables that are named. */
interface Sight {
  /** Verdicts without rows, and the identifiers of grave findings. */
  of(name: string): readonly string[];
  /** The verdict with rows. */
  withRows(name: string): string | undefined;
}

async function look(db: TestDatabase, probed: readonly string[]): Promise<Sight> {
  const { without, rows, facts } = await proofsOf(db.url, {}, ({ name }) => probed.includes(name));
  const { findings } = judgeFacts(facts, await loadChecks(), []);
  const grave = findings.filter(({ severity }) => severity !== 'info');
  return {
    of: (name) => [
      ...without.tables.flatMap(({ table, verdict }) => (table.name === name ? [verdict] : [])),
      ...grave.flatMap(({ object, check }) => (new RegExp(`^public\\.${name}\\b`).test(object) ? [check] : [])),
    ],
    // Of a table that is refuted already without, the rows have to say so themselves.
    withRows: (name) =>
      rows.tables.find(({ table, level }) => table.name === name && level === 'rows')?.verdict ??
      rows.ways?.find(({ object }) => new RegExp(`^public\\.${name}\\b`).test(object))?.verdict,
  };
}

test('the pack is clean, and every mutant of its policies is caught by findings or proofs', async ({ granted: db }) => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
  const tables = await db.query<{ name: string }>(
    "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  const before = await look(db, []);
  expect(tables.flatMap(({ name }) => before.of(name)).filter((one) => !['proved', 'closed'].includes(one))).toEqual(
    [],
  );
  const escaped: string[] = [];
  const unproved: string[] = [];
  const byRows: Record<string, string[]> = {};
  for (const group of [...inGroups(MUTANTS), [LAST]]) {
    for (const { sql } of group) await db.query(sql);
    const sight = await look(
      db,
      group.map(({ opens }) => opens),
    );
    for (const { name, opens } of group) {
      const verdict = sight.withRows(opens) ?? 'only by the policies';
      if (verdict !== 'refuted') byRows[verdict] = [...(byRows[verdict] ?? []), name];
      const seen = sight.of(opens);
      const isDisproved = seen.includes('refuted') || seen.includes('not-provable');
      if (seen.every((one) => ['proved', 'closed'].includes(one))) escaped.push(name);
      if (!isDisproved) unproved.push(name);
    }
    for (const { undo } of group) if (undo !== '') await db.query(undo);
  }
  expect(escaped).toEqual([]);
  // All others are refuted by a row that got through; these lead around the tables, open nothing, or open to rows that
  // nobody has.
  expect(byRows).toMatchInlineSnapshot(`
    {
      "not-provable": [
        "the policy is dropped",
        "nobody sees anything",
        "a materialized view",
        "the function behind the policies open to all",
      ],
      "only by the policies": [
        "RLS switched off",
        "a new table without RLS",
        "the wrong column",
        "another wrong column",
        "open for one tenant that is named",
      ],
      "proved": [
        "evaluated for each row",
        "only another role",
        "the wrong type, as text",
        "an error on the empty string",
        "an error where it was never set",
        "email = current_user",
        "TRUNCATE, which ignores policies",
      ],
    }
  `);
  // Ways to the rows that no policy is asked about, and what is slow or brittle but opens nothing.
  expect(unproved).toMatchInlineSnapshot(`
    [
      "evaluated for each row",
      "only another role",
      "a view without security_invoker",
      "a materialized view",
      "a SECURITY DEFINER function that clients may call",
      "the wrong type, as text",
      "an error on the empty string",
      "an error where it was never set",
      "email = current_user",
      "TRUNCATE, which ignores policies",
    ]
  `);
}, 240_000);
