/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject } from '../commands/project.ts';
import { expect } from '../support/database.ts';
import { test } from './database.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} in the middle of a proof with rows: it ends, and leaves nothing`, async ({ db }) => {
    await db.query(`${prelude}
      do $d$ begin for n in 1..40 loop
        execute format('create table %I (id int generated always as identity primary key, tenant_id uuid not null references tenant, note text)', 't "%" ' || n);
        perform isolate(format('%I', 't "%" ' || n)::regclass);
      end loop; end $d$`);
    const config = JSON.stringify({ tenancy: { apiSchemas: ['public'] } });
    const project = await makeProject({ 'aisha-db.config.json': config }, { env: { DATABASE_URL: db.url } });
    const run = project.start('rls-check', '--prove=rows', '--format', 'json');
    await run.stderrContains('proving with rows');
    run.kill(signal);
    const { code, stdout } = await run.done;
    if (signal === 'SIGINT') {
      // What was proved by then is no report: the rest of the tables may be open.
      expect([code, JSON.parse(stdout).status]).toEqual([130, 'failed']);
      expect(JSON.parse(stdout).data?.tables ?? []).toEqual([]);
    }
    await expect
      .poll(
        async () =>
          (await db.superQuery("select from pg_stat_activity where application_name = 'aisha-db rls-check'")).length,
      )
      .toBe(0);
    const [left] = await db.superQuery<{ tenants: number; rows: number }>(
      `select (select count(*)::int from tenant) as tenants, (
         select sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s', c.oid::regclass), false, true, '')))[1]::text::int)::int
         from pg_class c where relname like 't "%' and relkind = 'r') as rows`,
    );
    expect(left).toEqual({ tenants: 2, rows: 0 });
    const locks = await db.superQuery(
      `select from pg_locks l join pg_class c on c.oid = l.relation where c.relname like 't "%' and l.pid <> pg_backend_pid()`,
    );
    expect(locks).toEqual([]);
  });
}
