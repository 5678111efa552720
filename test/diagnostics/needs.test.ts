import { describe, expect, test } from 'vitest';
import {
  type Capabilities,
  findObstacle,
  type Need,
  parseNeed,
  type TableAccess,
} from '../../src/diagnostics/needs.ts';

const nothing: Capabilities = {
  versionNumber: 150_000,
  role: 'we"ird',
  service: undefined,
  bypassesRls: false,
  roles: new Set(),
  extensions: new Map(),
  settings: new Map(),
  functions: new Set(),
  tables: new Map(),
  ignoredSchemas: [],
};
const table = { columns: ['id', 'email'], denied: [], usage: true, filtered: false };

function need(text: string): Need {
  const parsed = parseNeed(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

describe('what is missing is named with the statement that would give it:', () => {
  const users = (access: Partial<TableAccess>) => ({
    tables: new Map([['public.users', { ...table, ...access }]]),
  });

  test.each<[string, Partial<Capabilities>, string, string]>([
    ['role pg_monitor', {}, '"we""ird" has not the rights of pg_monitor', 'grant pg_monitor to "we""ird";'],
    ['extension pgstattuple', {}, 'the extension pgstattuple is not installed', 'create extension pgstattuple;'],
    [
      'extension pgstattuple',
      { extensions: new Map([['pgstattuple', { schema: 'x', usage: false }]]) },
      '"we""ird" may not look into schema x',
      'grant usage on schema "x" to "we""ird";',
    ],
    [
      'setting track_io_timing = on',
      { settings: new Map([['track_io_timing', 'off']]) },
      'the setting track_io_timing is off',
      'alter system set track_io_timing = on; select pg_reload_conf();',
    ],
    [
      'function pg_catalog.pg_hba_file_rules()',
      {},
      '"we""ird" may not call pg_catalog.pg_hba_file_rules()',
      'grant execute on function "pg_catalog"."pg_hba_file_rules"() to "we""ird";',
    ],
    [
      'table public.users (id)',
      users({ usage: false }),
      '"we""ird" may not look into schema public',
      'grant usage on schema "public" to "we""ird";',
    ],
    [
      'table public.users (id, email)',
      users({ denied: ['email'] }),
      '"we""ird" may not read public.users',
      'grant select on "public"."users" to "we""ird";',
    ],
    [
      'table public.users (id)',
      users({ filtered: true }),
      'row-level security hides rows of public.users from "we""ird"',
      'Run it as a role with BYPASSRLS, or: alter role "we""ird" bypassrls;',
    ],
  ])('%s', (text, has, reason, remediation) => {
    expect(findObstacle([need(text)], { ...nothing, ...has })).toEqual({ kind: 'unknown', reason, remediation });
  });
});

test('what a service keeps to itself has one answer for all checks, and no GRANT', () => {
  const denied = new Map([['pg_catalog.pg_authid', { ...table, columns: ['rolname'], denied: ['rolname'] }]]);
  const supabase = { ...nothing, service: 'Supabase', tables: denied };
  const answers = ['function pg_catalog.pg_hba_file_rules()', 'table pg_catalog.pg_authid (rolname)'].map((text) =>
    findObstacle([need(text)], supabase),
  );
  expect(answers[0]).toEqual({
    kind: 'unknown',
    reason: 'only superusers see it, and Supabase keeps those to itself',
    remediation:
      'Accept that in aisha-db.config.json, for each of these checks: "diagnostics": { "checks": { "CHECK": { "enabled": false, "reason": "only Supabase sees it" } } }.',
  });
  expect(answers[1]).toEqual(answers[0]);
  const { remediation } = findObstacle([need('table public.users (id)')], {
    ...supabase,
    tables: new Map([['public.users', { ...table, denied: ['id'] }]]),
  }) as { remediation: string };
  expect(remediation).toBe('grant select on "public"."users" to "we""ird";');
});

test('a table or column that is not there leaves nothing to look at', () => {
  const reasonOf = (columns: string, tables: Capabilities['tables']) =>
    findObstacle([need(`table public.users (${columns})`)], { ...nothing, tables });
  expect(reasonOf('id', new Map())).toEqual({ kind: 'not-applicable', reason: 'there is no table public.users' });
  expect(reasonOf('id, tenant_id', new Map([['public.users', table]]))).toEqual({
    kind: 'not-applicable',
    reason: 'public.users has no column tenant_id',
  });
});

test('nothing is in the way when everything is there', () => {
  const needs = ['role r', 'extension e', 'setting s = on', 'table public.users (id)'].map(need);
  const all = {
    ...nothing,
    roles: new Set(['r']),
    extensions: new Map([['e', { schema: 'x', usage: true }]]),
    settings: new Map([['s', 'on']]),
    tables: new Map([['public.users', { ...table, denied: ['email'] }]]),
  };
  expect(findObstacle(needs, all)).toBeUndefined();
});

test('a table that is not there needs no rights', () => {
  expect(findObstacle([need('role r'), need('table public.x (id)')], nothing)?.kind).toBe('not-applicable');
});
