/** @module-tag since-13 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { runCli } from '../support/run.ts';
import { runHere } from '../support/run-here.ts';
import { ACME, HOSTILE, makeTenants, OTHER, SYSTEM } from './database.ts';

describe('tenant resolve', () => {
  test('slugs, UUIDs and the system tenant, from arguments and stdin, in one query', async ({ db }) => {
    await makeTenants(db);
    const { dir } = await makeProject({});
    const env = { ...db.env, SYSTEM_TENANT_ID: SYSTEM };
    const args = ['tenant', 'resolve', 'acme', 'acme', '-', '--stats', '--format', 'json'];
    const run = await runCli(args, { cwd: dir, env, input: `${OTHER.toUpperCase()}\n\nsystem\n` });
    expect(run.code).toBe(0);
    expect(run.json().data).toEqual({
      tenants: [
        { input: 'acme', uuid: ACME, slug: 'acme', found: true, source: 'db-slug' },
        { input: 'acme', uuid: ACME, slug: 'acme', found: true, source: 'db-slug-cache' },
        { input: OTHER.toUpperCase(), uuid: OTHER, slug: HOSTILE, found: true, source: 'db-id' },
        { input: 'system', uuid: SYSTEM, slug: 'internal', found: true, source: 'env' },
      ],
      cache: { ttlMs: 60_000, size: 3, hits: 1, misses: 3, hitRatio: 0.25 },
    });
  });

  test('unknown and ambiguous ones are one error that names them all; the others are in the report', async ({ db }) => {
    await makeTenants(db);
    await db.query('update tenant set slug = $1 where id = $2', [ACME, OTHER]);
    const project = await makeProject({}, db);
    const run = await project.run('tenant', 'resolve', 'nobody', ACME, 'internal', 'nobody');
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('error: 2 identifiers stand for no tenant\n');
    expect(run.stderr).toContain(`"nobody" is unknown\n  "${ACME}" is ambiguous: ${ACME}, ${OTHER}\n`);
    expect(run.stdout).toMatch(new RegExp(`^internal +${SYSTEM} `, 'm'));
    const one = await project.run('tenant', 'resolve', 'nobody');
    expect(one.stderr).toContain('error: tenant "nobody" is unknown\nhint: ');
  });

  test('a system tenant that the database does not have is a warning, one that is no UUID an error', async ({ db }) => {
    await makeTenants(db);
    const { dir } = await makeProject({});
    const withSystem = (id: string) =>
      runHere(['tenant', 'resolve', 'system'], { cwd: dir, env: { ...db.env, SYSTEM_TENANT_ID: id } });
    const missing = await withSystem('00000000-0000-4000-8000-0000000000ff');
    expect([missing.code, missing.stdout]).toEqual([1, expect.stringContaining('system-tenant-missing')]);
    expect((await withSystem('acme')).code).toBe(2);
  });

  test('without a table of tenants it says where to look', async ({ db }) => {
    const project = await makeProject({}, db);
    const none = await project.run('tenant', 'resolve', 'acme');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no table of tenants "public.tenant"')]);
    await db.query('create table tenant (id int, name text)');
    expect((await project.run('tenant', 'list')).stderr).toContain('public.tenant has no column slug');
  });
});

test('tenant list shows every tenant, also of a table with another name', async ({ db }) => {
  await makeTenants(db);
  await db.query('create schema "Weird schema"; alter table tenant set schema "Weird schema"');
  const project = await makeProject({}, db);
  const report = await project.report('tenant', 'list', '--table', 'Weird schema.tenant');
  expect(report.data.tenants).toEqual([
    { uuid: ACME, slug: 'acme', name: 'Acme', status: 'active', plan: null, createdAt: '2026-01-02T03:04:05Z' },
    { uuid: SYSTEM, slug: 'internal', name: 'System', status: null, plan: null, createdAt: null },
    { uuid: OTHER, slug: HOSTILE, name: 'Other', status: null, plan: null, createdAt: null },
  ]);
});

const STRAY = '00000000-0000-4000-8000-0000000000ff';

test('tenant check finds rows of no tenant, and believes a foreign key only when it is valid', async ({ db }) => {
  await makeTenants(db);
  await db.query(`
    create table proved (id int, tenant_id uuid not null references tenant (id));
    create table "not valid" (id int, tenant_id uuid not null);
    insert into "not valid" values (1, '${STRAY}'), (2, '${STRAY}'), (3, '${ACME}');
    alter table "not valid" add foreign key (tenant_id) references tenant (id) not valid;
    create table by_name (id int, tenant_id text);
    insert into by_name values (1, 'acme'), (2, '${ACME}'), (3, '${'% <gone>'}'), (4, null);
    create table parts (id int, tenant_id uuid) partition by list (id);
    create table parts_1 partition of parts for values in (1);
    insert into parts values (1, '${STRAY}')
  `);
  const report = await (await makeProject({}, db)).report('tenant', 'check');
  expect(report.exitCode).toBe(1);
  expect(
    report.data.tables.map(({ table, status, unknown, empty }: Record<string, unknown>) => [
      table,
      status,
      unknown,
      empty,
    ]),
  ).toEqual([
    ['public.by_name', 'looked', 1, 1],
    ['public.not valid', 'looked', 2, 0],
    ['public.parts', 'looked', 1, 0],
    ['public.proved', 'proved', 0, 0],
  ]);
  const [first] = report.findings;
  expect(first).toMatchObject({
    check: 'unknown-tenant',
    object: 'public.by_name',
    details: { samples: [{ value: '% <gone>', rows: 1 }] },
  });
  const remedy = report.findings.find(({ object }: { object: string }) => object === 'public.not valid').remediation;
  expect((await db.query(remedy)).map(({ id }) => id)).toEqual([1, 2]);
});

test('tenant check leaves undecided what row-level security or a missing right hides', async ({ db }) => {
  await makeTenants(db);
  await db.query(`
    create table hidden (id int, tenant_id uuid);
    alter table hidden enable row level security, force row level security;
    create table fine (id int, tenant_id uuid)
  `);
  const report = await (await makeProject({}, db)).report('tenant', 'check');
  expect(report.checks[0]).toMatchObject({
    id: 'unknown-tenant',
    status: 'unknown',
    reason: 'public.hidden: row-level security hides rows from app_owner',
  });
  expect(report.exitCode).toBe(1);
});

/** Two tenants with rows of every kind of table that an export has to find, and values that are hard to copy. */
async function makeRows(db: TestDatabase): Promise<void> {
  await makeTenants(db);
  await db.query(`
    create table "Odd ""name"" %" (
      id int primary key, tenant_id uuid not null references tenant (id) on delete cascade,
      "text, with ""quotes""" text, data jsonb, bytes bytea, number numeric, at timestamptz, list text[],
      twice int generated always as (id * 2) stored, serial bigint generated always as identity,
      boss int references "Odd ""name"" %" (id)
    );
    create table note (id int primary key, odd_id int not null references "Odd ""name"" %" (id), body text);
    create table legacy (id int, tenant_id text);
    create table shared (id int primary key, made_by int references "Odd ""name"" %" (id) on delete set null);
    create table "left" (id int primary key, tenant_id uuid, other int);
    create table "right" (id int primary key, tenant_id uuid, other int references "left" (id));
    alter table "left" add foreign key (other) references "right" (id);
    insert into "Odd ""name"" %" values
      (1, '${ACME}', E'tab\\t, newline\\n, \\\\. and \\\\N', 'null', '\\x00ff', 'NaN', 'infinity', '{"a,b",null}'),
      (2, '${ACME}', '</script>', '{"n": 12345678901234567890.5}', null, 1e-20, '2026-03-29 02:30+00', '{}'),
      (9, '${OTHER}', 'other', '{}', null, 0, null, null);
    update "Odd ""name"" %" set boss = 1 where id = 2;
    insert into note values (1, 1, 'ünï'), (2, 9, 'other');
    insert into legacy values (1, 'acme'), (2, '${ACME}'), (3, 'other');
    insert into shared values (1, 1), (2, null);
    insert into "left" values (1, '${ACME}', null); insert into "right" values (1, '${ACME}', 1);
    update "left" set other = 1
  `);
}

/** Every row of a database by table, as text. */
async function everything(db: TestDatabase): Promise<Record<string, string[]>> {
  const names = await db.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  const content: Record<string, string[]> = {};
  for (const { name } of names) {
    content[name] = (await db.query<{ row: string }>(`select t::text as row from ${name} t order by 1`)).map(
      ({ row }) => row,
    );
  }
  return content;
}

async function exportFile(project: Project): Promise<string> {
  const [file, ...others] = (await readdir(project.dir)).filter((name) => name.endsWith('.sql'));
  expect(others).toEqual([]);
  return join(project.dir, file!);
}

test('delete exports what it deletes, leaves all other rows, and psql brings everything back', async ({ db }) => {
  await makeRows(db);
  const before = await everything(db);
  const project = await makeProject({}, db);
  const plan = await project.report('tenant', 'delete', ACME, '--dry-run');
  const planned = Object.fromEntries(
    plan.data.plan.map(({ table, rows }: { table: string; rows: number }) => [table, rows]),
  );
  expect(planned).toEqual({
    'public.Odd "name" %': 2,
    'public.legacy': 2,
    'public.left': 1,
    'public.note': 1,
    'public.right': 1,
    'public.tenant': 1,
  });
  expect(plan.data.plan.at(-1).table).toBe('public.tenant');
  expect(await everything(db)).toEqual(before);

  const run = await project.run('tenant', 'delete', ACME, '--yes', '--format', 'json');
  expect([run.code, run.json().data.deleted]).toEqual([0, 8]);
  const after = await everything(db);
  expect(Object.fromEntries(Object.entries(after).map(([name, rows]) => [name, rows.length]))).toEqual({
    '"Odd ""name"" %"': 1,
    '"left"': 0,
    '"right"': 0,
    legacy: 1,
    note: 1,
    shared: 2,
    tenant: 2,
  });

  const file = await exportFile(project);
  const text = await readFile(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(run.json().data.export).toMatchObject({
    file,
    bytes: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
  });
  // The circle can only be put back without its key.
  await db.query('alter table "left" drop constraint left_other_fkey');
  await promisify(execFile)('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', db.url, '-f', file]);
  const restored = await everything(db);
  expect({ ...restored, shared: before['shared'] }).toEqual(before);
});

test('export writes the same file without deleting, and needs no confirmation', async ({ db }) => {
  await makeRows(db);
  const before = await everything(db);
  const project = await makeProject({}, db);
  const report = await project.report('tenant', 'export', ACME, '--file', 'acme.sql');
  expect(report).toMatchObject({ exitCode: 0, data: { export: { rows: 8, file: join(project.dir, 'acme.sql') } } });
  expect(await readFile(join(project.dir, 'acme.sql'), 'utf8')).toMatch(/\nCOMMIT;\n\n-- complete: 8 rows\n$/);
  expect(await everything(db)).toEqual(before);
});

describe('nothing is deleted, and no file is left,', () => {
  const unchanged = async (db: TestDatabase, act: (project: Project) => Promise<void>, env = db.env) => {
    const before = await everything(db);
    const project = await makeProject({}, { env });
    await act(project);
    expect(await everything(db)).toEqual(before);
    expect((await readdir(project.dir)).filter((name) => /\.(sql|part)$/.test(name))).toEqual([]);
  };

  test('when nobody confirms; a protected environment wants its name', async ({ db }) => {
    await makeRows(db);
    await unchanged(db, async (project) => {
      const { code, stderr } = await project.run('tenant', 'delete', ACME);
      expect([code, stderr]).toEqual([3, expect.stringContaining('was not confirmed')]);
      expect(stderr).toContain('public.legacy: 2 rows');
      await project.write({
        'aisha-db.config.json': JSON.stringify({
          environments: { prod: { urlFrom: 'DATABASE_URL', protected: true } },
        }),
      });
      const yes = await project.run('tenant', 'delete', ACME, '--env', 'prod', '--yes');
      expect([yes.code, yes.stderr]).toEqual([3, expect.stringContaining('environment "prod" is protected')]);
    });
  });

  test('when rows of others refer to rows of the tenant: they are counted by key', async ({ db }) => {
    await makeRows(db);
    await db.query(`insert into "Odd ""name"" %" (id, tenant_id, boss) values (10, '${OTHER}', 1)`);
    await unchanged(db, async (project) => {
      for (const more of ['--yes', '--dry-run']) {
        const { code, stderr } = await project.run('tenant', 'delete', ACME, more);
        expect([code, stderr]).toEqual([
          4,
          expect.stringContaining('public.Odd "name" %: 1 row refers to public.Odd "name" %'),
        ]);
      }
    });
  });

  test('when a foreign key that nobody foresaw holds a row', async ({ db }) => {
    await makeRows(db);
    await db.query(`
      create function keep() returns trigger language plpgsql as $$ begin raise exception 'kept'; end $$;
      create trigger keep before delete on tenant for each row execute function keep()
    `);
    await unchanged(db, async (project) => {
      const run = project.run('tenant', 'delete', ACME, '--yes', '--file', 'kept.txt');
      expect(await run).toMatchObject({ code: 7, stderr: expect.stringContaining('public.tenant: kept') });
    });
  });

  test('when a trigger makes more or less go than was exported', async ({ db }) => {
    await makeRows(db);
    await db.query(`
      create function skip() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger skip before delete on note for each row execute function skip()
    `);
    await unchanged(db, async (project) => {
      const { code, stderr } = await project.run('tenant', 'delete', ACME, '--yes', '--file', 'kept.txt');
      expect([code, stderr]).toEqual([7, expect.stringContaining('public.note: 1 rows were exported and 0 would be')]);
    });
  });

  test('when it is interrupted', async ({ db }) => {
    await makeRows(db);
    await db.query(`
      create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return old; end $$;
      create trigger slow before delete on tenant for each row execute function slow()
    `);
    await unchanged(db, async (project) => {
      const run = project.start('tenant', 'delete', ACME, '--yes', '--file', 'kept.txt');
      const sleeping = "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
      await expect.poll(async () => (await db.superQuery(sleeping)).length, { timeout: 20_000 }).toBe(1);
      run.kill('SIGINT');
      expect((await run.done).code).toBe(130);
      await db.superQuery("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'");
    });
  });

  test('for a slug, for an unknown UUID, and when a table hides rows', async ({ db }) => {
    await makeRows(db);
    await db.query('alter table legacy enable row level security, force row level security');
    const unknown = '00000000-0000-4000-8000-0000000000ff';
    await unchanged(db, async (project) => {
      const slug = await project.run('tenant', 'delete', 'acme', '--yes');
      expect([slug.code, slug.stderr]).toEqual([2, expect.stringContaining('"acme" is not the UUID of a tenant')]);
      const nobody = await project.run('tenant', 'export', unknown);
      expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining(`tenant "${unknown}" is unknown`)]);
      const hides = await project.run('tenant', 'delete', ACME, '--yes');
      expect([hides.code, hides.stderr]).toEqual([3, expect.stringContaining('hides rows of public.legacy')]);
    });
  });
});
