/** @module-tag since-13 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');
const A = 'aaaaaaaa-0000-4000-8000-00000000000a';

const table = (name: string, condition = 'tenant_id = (select own_tenant())') => `
  create table ${name} (id int generated always as identity, tenant_id uuid not null references tenant, note text);
  create index on ${name} (tenant_id);
  select isolate('${name}', $$${condition}$$);`;

function projectOf(db: TestDatabase): Promise<Project> {
  const config = JSON.stringify({ tenancy: { apiSchemas: ['public'] } });
  return makeProject({ 'aisha-db.config.json': config }, { env: { DATABASE_URL: db.url } });
}

type Report = Awaited<ReturnType<Project['report']>>;
const found = ({ findings }: Report) =>
  findings.map((one: { check: string; object: string }) => `${one.check} ${one.object}`);

describe('--as-url', () => {
  const finding = ({ findings }: Report) => findings.find((one: { check: string }) => one.check === 'application-role');

  test('a superuser, a role with BYPASSRLS and an owner that is not bound are critical', async ({ db }) => {
    await db.query(`${prelude}${table('t')} alter table t no force row level security`);
    const role = `${db.name}_service`;
    await db.superQuery(`create role ${role} login bypassrls password 'secret-of-service'`);
    try {
      const project = await projectOf(db);
      const service = db.url.replace(/\/\/[^@]*@/, `//${role}:secret-of-service@`);
      const cases = [
        [db.superUrl, /is a superuser$/],
        [service, /has BYPASSRLS$/],
        [db.url, /owns public\.t, where RLS is not forced$/],
      ] as const;
      for (const [url, reason] of cases) {
        const report = await project.report('rls-check', '--as-url', url);
        expect(report.exitCode).toBe(1);
        expect(finding(report)).toMatchObject({
          severity: 'critical',
          message: expect.stringMatching(/^RLS is not evaluated for your application: it logs in as /),
        });
        expect(finding(report).message).toMatch(reason);
      }
      const { stdout, stderr } = await project.run('rls-check', '--as-url', service);
      expect(stdout + stderr).not.toContain('secret-of-service');
      expect(stderr).toContain(`as ${role}`);
    } finally {
      await db.superQuery(`drop role ${role}`);
    }
  });

  test('a role that owns nothing is bound, and an owner only as long as RLS is forced', async ({ db }) => {
    await db.query(`${prelude}${table('t')}`);
    const project = await projectOf(db);
    const reader = await project.report('rls-check', '--as-url', db.readerUrl);
    expect(finding(reader)).toBeUndefined();
    expect(reader.checks).toContainEqual(expect.objectContaining({ id: 'application-role', status: 'passed' }));
    const owner = await project.report('rls-check', '--as-url', db.url);
    expect(finding(owner)).toMatchObject({ severity: 'warning', message: expect.stringContaining('public.t') });
  });

  test('another database is refused', async ({ db }) => {
    await db.query(prelude);
    const { code, stderr } = await (await projectOf(db)).run(
      'rls-check',
      '--as-url',
      db.superUrl.replace(`/${db.name}`, '/postgres'),
    );
    expect(code).toBe(2);
    expect(stderr).toContain(`--as-url leads to the database postgres, not to ${db.name}`);
  });
});

describe('--tenant', () => {
  test('shows what the tenant sees of each table, with every policy in force', async ({ db }) => {
    await db.query(`${prelude}${table('sound')}${table('"Leaky %"', 'true')}`);
    await db.superQuery(
      `insert into sound (tenant_id) select id from tenant, generate_series(1, 3); insert into "Leaky %" (tenant_id) select id from tenant`,
    );
    const report = await (await projectOf(db)).report('rls-check', '--tenant', A);
    expect(report.exitCode).toBe(1);
    expect(found(report)).toEqual(['tenant-view public."Leaky %"', 'tenant-view public."Leaky %"']);
    const seen = report.data.tables.filter(({ role }: { role: string }) => role === 'authenticated');
    expect(seen.map(({ table, rows, rowsOfOthers }: Record<string, unknown>) => [table, rows, rowsOfOthers])).toEqual([
      ['public."Leaky %"', 2, 1],
      ['public.sound', 3, 0],
      ['public.tenant', 1, 0],
    ]);
    expect(
      await db.query("select relname from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace"),
    ).toHaveLength(3);
  });

  test('of a tenant that there is not shows nothing, and is no green', async ({ db }) => {
    await db.query(`${prelude}${table('sound')}`);
    const project = await projectOf(db);
    const nobody = '00000000-0000-4000-8000-0000000000ff';
    const { code, stdout } = await project.run('rls-check', '--tenant', nobody);
    expect(code).toBe(1);
    expect(stdout).toContain('sees rows of 0 of 2 tables');
    expect(stdout).toContain(`tenant-exists: the table of the tenants has no ${nobody}`);
    expect((await project.run('rls-check', '--tenant', A)).code).toBe(0);
    const slug = await project.run('rls-check', '--tenant', 'acme');
    expect(slug.code).toBe(2);
    expect(slug.stderr).toContain('acme is no tenant: the columns of the tenant are of type uuid');
  });

  test('is asked as a member of the tenant, where policies look that up', async ({ db }) => {
    await db.query(`${prelude}
      create function uid() returns uuid language sql stable
        as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
      create table members (tenant_id uuid not null references tenant, user_id uuid not null);
      select isolate('members', 'user_id = (select uid())');
      ${table('shared', 'tenant_id in (select m.tenant_id from members m where m.user_id = (select uid()))')}`);
    await db.superQuery(`insert into members select id, gen_random_uuid() from tenant;
      insert into shared (tenant_id) select id from tenant`);
    await db.query(
      `${table('partly')} revoke all on partly from authenticated; grant select (id) on partly to authenticated`,
    );
    const empty = await (await projectOf(db)).report('rls-check', '--tenant', A);
    expect(empty.data.tables).toContainEqual(
      expect.objectContaining({
        table: 'public.partly',
        role: 'authenticated',
        rows: 0,
        rowsOfOthers: null,
        error: null,
      }),
    );
    const report = await (await projectOf(db)).report('rls-check', '--tenant', A);
    expect(report.exitCode).toBe(0);
    const seen = report.data.tables.find(
      (one: Record<string, string>) => one['table'] === 'public.shared' && one['role'] === 'authenticated',
    );
    expect(seen).toMatchObject({ rows: 1, rowsOfOthers: 0 });
  });
});

test('a switch that is asked as the empty string is none that was made when rows prove the table', async ({ db }) => {
  const own = 'tenant_id = (select own_tenant())';
  await db.query(`${prelude}
    ${table('switched', `${own} and coalesce(current_setting('app.switch', true), 'on') = 'on'`)}
    ${table('"ca%st"', `${own} and not coalesce(current_setting('app.readonly', true)::boolean, false)`)}`);
  const report = await (await projectOf(db)).report('rls-check', '--prove=rows');
  const verdicts = report.data.tables.map(({ table: name, verdict }: Record<string, string>) => `${name} ${verdict}`);
  expect(verdicts).toEqual(expect.arrayContaining(['public."ca%st" proved', 'public.switched proved']));
  expect(found(report)).toContain('setting-error public."ca%st"');
});

test('names that are misspelt are errors, and look like nothing sound', async ({ db }) => {
  await db.query(prelude);
  const project = await projectOf(db);
  const schema = await project.run('rls-check', '--schema', 'public', '--schema', 'publik');
  expect(schema).toMatchObject({ code: 2, stdout: '' });
  expect(schema.stderr).toMatch(/there is no schema publik in the database\nhint: There are: .*public/);
  const url = await project.run('rls-check', '--as-url', 'nonsense');
  expect(url.code).toBe(2);
  expect(url.stderr).toContain('--as-url is not a PostgreSQL connection string');
  const gone = await project.run('rls-check', '--as-url', 'postgres://nobody@127.0.0.1:1/nowhere');
  expect(gone.code).toBe(3);
  expect(gone.stderr).toContain('address from --as-url');
  const idle = await project.run('rls-check', '--call-volatile');
  expect(idle.code).toBe(2);
  expect(idle.stderr).toContain('--call-volatile is for --prove=rows');
});

describe('--fix', () => {
  const BROKEN = `${prelude}
    ${table('always', 'true')}
    ${table('"It is %"')} alter table "It is %" no force row level security;
    ${table('per_row', `tenant_id = current_setting('app.current_tenant_id')::uuid`)}
    ${table('off')} alter table off disable row level security;
    create table "two
lines -- 'of' ""%" (id int, tenant_id uuid);
    create table bare (id int, tenant_id uuid not null references tenant);
    grant select on bare to authenticated;
    create table shared (id int); alter table shared enable row level security, force row level security;
    create policy open on shared using (true); grant select, insert on shared to authenticated;
    create table closed (id int); grant select on closed to anon;
    ${table('parent')} alter table parent add unique (id);
    ${table('child')} alter table child add foreign key (id) references parent (id), add column other int references parent (id);
    create view leak as select * from always; grant select on leak to authenticated;
    create function peek() returns bigint language sql security definer as 'select count(*) from always';`;

  test('writes a migration that makes the findings go away, and runs nothing', async ({ db }) => {
    await db.query(BROKEN);
    const project = await projectOf(db);
    await project.write({ 'sql/001_first.sql': '-- nothing\nselect 1;\n' });
    const before = await project.report('rls-check', '--fix');
    expect(before.exitCode).toBe(1);
    expect(before.data.fix.file).toBe('sql/002_mend_tenant_isolation.sql');
    const text = readFileSync(join(project.dir, before.data.fix.file), 'utf8');
    expect(text).toMatch(
      /^-- =+\n-- Migration: 002_mend_tenant_isolation\.sql\n-- Description: Mend what rls-check found\n-- Date: \d{4}-/,
    );
    expect(text).toContain('-- Dependencies: 001_first.sql');
    expect(text).toMatch(/-- Modified Tables:\n(-- - public\..*\n)+/);
    // What two findings need is done once.
    expect(text.match(/add unique/g)).toHaveLength(1);
    expect(text).toMatch(
      /-- Breaking Changes:\n(-- - .*\n)*-- - alter table "public"."two lines -- 'of' ""%" alter column/,
    );
    expect(text).toContain('\n-- - revoke all on "public"."closed" from "anon"\n');
    expect(text).toContain('-- Indexes Added:\n-- - on "public"."');
    expect(found(await project.report('rls-check'))).toEqual(found(before));
    expect((await project.run('validate')).code).toBe(0);
    // A second one would make the same policies again.
    const again = await project.run('rls-check', '--fix');
    expect(again.stdout).toContain('wrote nothing: sql/002_mend_tenant_isolation.sql waits to be run');
    expect(readdirSync(join(project.dir, 'sql'))).toHaveLength(2);
    expect((await project.run('migrate', '--yes')).code).toBe(0);
    const after = await project.report('rls-check');
    const graver = after.findings.filter(
      ({ severity, object }: Record<string, string>) => severity !== 'info' && object?.startsWith('public.'),
    );
    expect(graver).toEqual([]);
    // What was applied stands in nobody's way.
    await db.query('alter table off no force row level security');
    expect((await project.report('rls-check', '--fix')).data.fix.file).toBe('sql/003_mend_tenant_isolation.sql');
  });

  test('names what it does not mend, and why', async ({ db }) => {
    const own = `tenant_id = current_setting('app.current_tenant_id')::uuid`;
    await db.query(`${prelude}${table('p4', own)} alter policy tenant_isolation on p4 with check (true);`);
    const project = await projectOf(db);
    const { stdout } = await project.run('rls-check', '--fix');
    expect(stdout).toMatch(/mends \d+ findings and was not run; \d of the findings it does not mend/);
    expect(stdout).toMatch(
      /public\.p4 +setting-\S+ +policy tenant_isolation is changed for a graver finding: run --fix again after that/,
    );
    expect((await project.run('migrate', '--yes')).code).toBe(0);
    expect((await project.report('rls-check', '--fix')).data.fix).toMatchObject({ left: 0 });
    expect((await project.run('migrate', '--yes')).code).toBe(0);
    expect((await project.run('rls-check', '--fix')).stdout).toContain('there is nothing to mend');
  });

  test('a folder that cannot be written is an error, and the report is there all the same', async ({ db }) => {
    await db.query(BROKEN);
    const project = await projectOf(db);
    await project.write({ taken: 'no folder' });
    const report = await project.report('rls-check', '--fix', '--dir', 'taken');
    expect(report).toMatchObject({ status: 'failed', exitCode: 2, error: { code: 'usage' } });
    expect(report.error.message).toMatch(/^cannot make the folder .*taken: file already exists$/);
    expect(report.findings.length).toBeGreaterThan(5);
  });

  test('writes nothing where there is nothing to mend', async ({ db }) => {
    await db.query(`${prelude}${table('sound')}`);
    const project = await projectOf(db);
    const { stdout, code } = await project.run('rls-check', '--fix');
    expect(code).toBe(0);
    expect(stdout).toContain('there is nothing to mend');
    expect(readdirSync(join(project.dir, 'sql'))).toEqual([]);
  });
});
