/** @module-tag since-15 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SupabaseServer, startSupabase } from '../support/supabase.ts';
import { makeProject } from './project.ts';

let supabase: SupabaseServer;
beforeAll(async () => {
  supabase = await startSupabase();
  await supabase.createDatabase('kept');
});
afterAll(() => supabase?.stop());

const REASON = 'only "Supabase" sees it: 100%';
const off = { enabled: false, reason: REASON };
const CONFIG = { diagnostics: { checks: { 'pg-hba-rule': off } } };

test('what only the service sees is unknown for postgres, and accepted by one line of configuration', async () => {
  const env = { DATABASE_URL: supabase.url('kept') };
  const project = await makeProject({}, { env });
  const told = await project.report('security-check');
  expect(told.exitCode).toBe(1);
  expect(told.findings.filter(({ severity }: { severity: string }) => severity !== 'info')).toEqual([]);
  const unknown = { id: 'pg-hba-rule', reason: 'only superusers see it, and Supabase keeps those to itself' };
  expect(told.checks.filter(({ status }: { status: string }) => status === 'unknown')).toMatchObject([unknown]);

  const accepting = await makeProject({ 'aisha-db.config.json': JSON.stringify(CONFIG) }, { env });
  const accepted = await accepting.report('security-check');
  expect(accepted.exitCode).toBe(0);
  expect(accepted.checks.find(({ id }: { id: string }) => id === 'pg-hba-rule')).toMatchObject({
    status: 'not-applicable',
    reason: `switched off in the configuration: ${REASON}`,
  });
});

test('what a service gives its role is not proposed to be taken away', async () => {
  const project = await makeProject(
    {
      'sql/001_a.sql': `create table a (id int primary key, tenant_id uuid not null);
        create index on a (tenant_id);
        alter table a enable row level security, force row level security`,
    },
    { env: { DATABASE_URL: supabase.url('kept') } },
  );
  await project.run('migrate', '--no-backup');
  const { findings } = await project.report('rls-check');
  const [found] = findings.filter(({ check }: { check: string }) => check === 'force-does-not-bind');
  expect(found).toMatchObject({
    object: 'role postgres',
    remediation: expect.stringMatching(/^Supabase gives it that right, and it stays: make views security_invoker/),
  });
});
