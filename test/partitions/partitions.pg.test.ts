/** @module-tag since-13 */
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { testServer } from '../support/server.ts';

/** A monthly table with two past months, one of now, hostile names, RLS, grants and an index of one partition. */
async function plant(db: TestDatabase, { fallback = true } = {}): Promise<void> {
  await db.query(`
    create schema "My ""s %";
    create table "My ""s %"."ev'ents" (id int, tenant_id uuid, at timestamptz not null, subject text)
      partition by range (at);
    alter table "My ""s %"."ev'ents" enable row level security;
    alter table "My ""s %"."ev'ents" force row level security;
    create policy "own ""rows" on "My ""s %"."ev'ents" to authenticated
      using (tenant_id = nullif(current_setting('app.t', true), '')::uuid);
    create index on "My ""s %"."ev'ents" (tenant_id);
    do $$
    declare m date; p text;
    begin
      for i in -2..0 loop
        m := date_trunc('month', localtimestamp) + make_interval(months => i);
        p := 'ev ' || to_char(m, 'YYYY_MM');
        execute format('create table "My ""s %%".%I partition of "My ""s %%"."ev''ents" for values from (%L) to (%L)',
          p, m, m + interval '1 month');
        execute format('alter table "My ""s %%".%I enable row level security', p);
        execute format('alter table "My ""s %%".%I force row level security', p);
        execute format('create policy mine on "My ""s %%".%I to authenticated
          using (tenant_id = nullif(current_setting(''app.t'', true), '''')::uuid)', p);
        execute format('grant select, insert on "My ""s %%".%I to authenticated', p);
        execute format('create index on "My ""s %%".%I (subject) where subject is not null', p);
      end loop;
    end $$;
  `);
  if (fallback) await db.query(`create table "My ""s %".rest partition of "My ""s %"."ev'ents" default`);
}

const TABLE = `My "s %.ev'ents`;

/** What protects each partition of a range, newest last. */
const protection = (db: TestDatabase) =>
  db.query(`
    select c.relname as name, c.relrowsecurity as rls, c.relforcerowsecurity as forced, c.relacl::text as acl,
      (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies,
      (select count(*)::int from pg_index x where x.indrelid = c.oid) as indexes
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where c.relkind = 'r' and c.relname like 'ev %' order by 1`);

test('create makes the coming ones with what their siblings have, again makes nothing, a dry run neither', async ({
  db,
}) => {
  await plant(db);
  const project = await makeProject({}, { env: db.env });
  const dry = await project.report('partitions', 'create', '--ahead', '2', '--dry-run');
  expect(dry).toMatchObject({ exitCode: 0, data: { dryRun: true } });
  expect(dry.data.created).toHaveLength(2);
  expect(await protection(db)).toHaveLength(3);
  const report = await project.report('partitions', 'create', '--ahead', '2', '--yes');
  expect(report).toMatchObject({ exitCode: 0, checks: [{ id: 'partitions-created', status: 'passed' }] });
  const all = await protection(db);
  expect(all).toHaveLength(5);
  const [{ name: _, ...sibling }] = all as [Record<string, unknown>];
  for (const { name: _name, ...own } of all) expect(own).toEqual(sibling);
  expect((await project.report('partitions', 'create', '--ahead', '2', '--yes')).data.created).toEqual([]);
  // A row of the month after next finds its place.
  await db.superQuery(
    `insert into "My ""s %"."ev'ents" values (1, null, date_trunc('month', now()) + interval '2 months 3 days')`,
  );
  expect(await db.superQuery(`select count(*)::int as count from only "My ""s %".rest`)).toEqual([{ count: 0 }]);
});

test('rows in the default partition block the one they belong into: it is named with their number, the others are made', async ({
  db,
}) => {
  await plant(db);
  await db.superQuery(`insert into "My ""s %"."ev'ents"
    select n, null, date_trunc('month', now()) + interval '1 month 5 days' from generate_series(1, 7) n`);
  // The owner does not see the rows of others: RLS is forced on it.
  const project = await makeProject({}, { env: { DATABASE_URL: db.superUrl } });
  const shown = await project.report('partitions');
  expect(shown.findings).toContainEqual(
    expect.objectContaining({ check: 'partition-default-fills', object: 'My "s %.rest', metric: 7 }),
  );
  const report = await project.report('partitions', 'create', TABLE, '--ahead', '3', '--yes');
  expect(report.exitCode).toBe(1);
  expect(report.data.created).toHaveLength(2);
  expect(report.findings).toEqual([
    expect.objectContaining({ check: 'partition-blocked', severity: 'critical', metric: 7 }),
  ]);
});

test('policies with sub-queries are given to new partitions for their own rows, or nothing is made and they are named', async ({
  db,
}) => {
  await plant(db);
  await db.query(`create table "My ""s %"."te'ams" (tenant_id uuid, subject text)`);
  const newest = `"My ""s %"."ev ${(await newestMonth(db)).replaceAll('-', '_')}"`;
  await db.query(`create policy "te'am $aisha$" on ${newest} for select
    using (exists (select from "My ""s %"."te'ams" t where t.subject = ${newest.split('.')[1]}.subject))`);
  const project = await makeProject({}, { env: db.env });
  expect(await project.report('partitions', 'create', '--ahead', '1', '--yes')).toMatchObject({ exitCode: 0 });
  const conditions = await db.query<{ name: string; text: string }>(
    `select tablename as name, qual as text from pg_policies where policyname = 'te''am $aisha$' order by 1`,
  );
  expect(conditions).toHaveLength(2);
  for (const { name, text } of conditions) expect(text).toContain(`(t.subject = "${name}".subject)`);

  const last = `"My ""s %"."${conditions[1]!.name}"`;
  await db.query(`create policy "twice %" on ${last} for select using ((select count(*) from ${last}) < 2)`);
  const refused = await project.report('partitions', 'create', '--ahead', '3', '--yes');
  expect(refused).toMatchObject({ exitCode: 1, data: { created: [] } });
  expect(refused.findings.map(({ message }: { message: string }) => message)).toEqual([
    expect.stringContaining('policy "twice %" of'),
    expect.stringContaining('make the partition and its policy by hand'),
  ]);
  expect(await protection(db)).toHaveLength(4);
});

const newestMonth = async (db: TestDatabase) =>
  (await db.query<{ month: string }>("select to_char(localtimestamp, 'YYYY-MM') as month"))[0]!.month;

test('a partition that RLS does not protect when it is named is critical', async ({ db }) => {
  await plant(db);
  const report = await (await makeProject({}, { env: db.env })).report('partitions');
  expect(report.findings.filter(({ check }: { check: string }) => check === 'partition-without-rls')).toEqual([
    expect.objectContaining({ severity: 'critical', object: 'My "s %.rest' }),
  ]);
});

test('detach takes off what is past its retention, keeps its rows, and drops nothing', async ({ db }) => {
  await plant(db, { fallback: false });
  await db.superQuery(
    `insert into "My ""s %"."ev'ents" select 1, null, date_trunc('month', now()) - interval '40 days'`,
  );
  const project = await makeProject({}, { env: db.env });
  expect((await project.report('partitions', 'detach', TABLE, '--keep', '1', '--dry-run')).data.detached).toHaveLength(
    1,
  );
  const report = await project.report('partitions', 'detach', TABLE, '--keep', '1', '--yes');
  expect(report).toMatchObject({ exitCode: 0, data: { detached: [expect.stringMatching(/^My "s %\.ev /)] } });
  if (testServer().versionNumber >= 140_000) expect(report.data.statements[0]).toContain('concurrently');
  expect(await protection(db)).toHaveLength(2);
  const old = report.data.detached[0].slice('My "s %.'.length);
  expect(await db.superQuery(`select count(*)::int as count from "My ""s %"."${old}"`)).toEqual([{ count: 1 }]);
  expect((await project.report('partitions', 'detach', TABLE, '--keep', '1', '--yes')).data.detached).toEqual([]);
});

test('a partition in use is not waited for longer than the lock timeout, and reported', async ({ db }) => {
  await plant(db);
  const holder = await db.connect();
  await holder.query(`begin; lock table "My ""s %"."ev'ents" in access exclusive mode`);
  const project = await makeProject({ 'aisha-db.config.json': '{ "lockTimeout": "200ms" }' }, { env: db.env });
  const blocked = await project.run('partitions', 'create', '--yes');
  expect([blocked.code, blocked.stderr]).toEqual([6, expect.stringContaining('is in use')]);
  await holder.query('rollback');
  expect(await protection(db)).toHaveLength(3);
});

test('unknown tables, actions and numbers are refused', async ({ db }) => {
  const project = await makeProject({}, { env: db.env });
  const run = async (...args: string[]) => {
    const { code, stderr } = await project.run('partitions', ...args);
    return [code, /error: (.*)/.exec(stderr)?.[1]];
  };
  expect(await run('creat')).toEqual([2, 'partitions cannot "creat"']);
  expect(await run('create', 'public.no')).toEqual([2, 'no table partitioned by time is called public.no']);
  expect(await run('create', '--ahead', 'many')).toEqual([2, '--ahead "many" is not a number from 0 to 999']);
  expect(await run('detach')).toEqual([2, 'partitions detach needs tables and --keep']);
});
