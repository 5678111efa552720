import type pg from 'pg';
import { describe } from 'vitest';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { backupProject } from './fixture.ts';

/** Everything that a table can have, in names that are hard to tell apart. */
const SCHEMA = `
  create schema "odd s";
  create type "odd s"."a type; default" as enum ('new', 'it''s');
  create table public.tenant (id int primary key, slug text unique);
  create table "odd s"."in %voice</script>" (
    id int generated always as identity primary key,
    n serial,
    tenant_id int references public.tenant,
    parent int references "odd s"."in %voice</script>",
    "a "" b" text default 'x;y',
    code text unique,
    state "odd s"."a type; default" not null default 'new',
    total numeric check (total >= 0),
    tax numeric generated always as (total * 0.2) stored,
    data json,
    updated_at timestamptz not null default '2020-01-01'
  );
  create table public.other (id int primary key, invoice_id int references "odd s"."in %voice</script>");
  create index "odd i" on "odd s"."in %voice</script>" (tenant_id) where total > 0;
  alter table "odd s"."in %voice</script>" enable row level security;
  create policy "it's own" on "odd s"."in %voice</script>" for select to authenticated using (tenant_id = 1);
  create function public.touch() returns trigger language plpgsql as $$ begin return new; end $$;
  create trigger touch before update on "odd s"."in %voice</script>" for each row execute function public.touch();
  comment on column "odd s"."in %voice</script>".n is 'numbers';
  grant usage on schema "odd s" to anon, authenticated;
  grant select on "odd s"."in %voice</script>" to authenticated;
  grant usage on sequence "odd s"."in %voice</script>_n_seq" to authenticated;
  create view public.seen as select id from "odd s"."in %voice</script>";
  insert into public.tenant values (1, 'a'), (2, 'b');
  insert into "odd s"."in %voice</script>" (tenant_id, parent, "a "" b", code, total, data)
    select 1 + i % 2, nullif(i - 1, 0), E'tab\\t\\n\\\\. ' || i, 'c' || i, i, json_build_object('n', i) from generate_series(1, 1000) i;
`;

const TABLE = 'odd s.in %voice</script>';
const NAME = '"odd s"."in %voice</script>"';

/** Whatever is made from now on is open to the API's roles, as on Supabase. */
const LEAKY = `
  alter default privileges for role app_dumper grant all on tables to anon, authenticated;
  alter default privileges for role app_dumper grant all on schemas to anon, authenticated, public;
  alter default privileges for role app_owner grant all on tables to anon;
`;

async function backedUp(db: TestDatabase): Promise<Project> {
  const project = await backupProject(db, SCHEMA);
  const { code, stderr } = await project.run('backup');
  expect(code, stderr).toBe(0);
  await db.superQuery(LEAKY);
  await db.superQuery(`grant create on database "${db.name}" to app_dumper`);
  return project;
}

const restore = (project: Project, ...args: string[]) => project.run('restore', 'latest', '--table', TABLE, ...args);

const numbers = async (db: TestDatabase, sql: string) => (await db.superQuery(sql))[0];

/** Privileges that others than its owner have in side schemas; and the schemas. */
const sides = (db: TestDatabase) =>
  db.superQuery<{ name: string; open: boolean; rls: boolean }>(
    `select n.nspname as name, c.relrowsecurity as rls,
       has_schema_privilege('anon', n.oid, 'USAGE') or has_schema_privilege('public', n.oid, 'USAGE')
         or has_table_privilege('anon', c.oid, 'SELECT') or has_table_privilege('authenticated', c.oid, 'SELECT') as open
     from pg_namespace n join pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
     where n.nspname like 'aisha_restore_%'`,
  );

describe('a table that is there', () => {
  test('is compared, then gets its missing rows back, and keeps everything that came since', async ({ db }) => {
    const project = await backedUp(db);
    await db.query(`
      delete from ${NAME} where id > 900;
      update ${NAME} set total = 7 where id in (1, 2);
      update ${NAME} set total = 8, updated_at = now() + interval '1 hour' where id = 3;
      insert into ${NAME} (code) values ('since');
      drop policy "it's own" on ${NAME}; drop index "odd s"."odd i";
    `);
    // As if the numbers had been lost: rows that come back must not be met again.
    await db.query(`alter table ${NAME} alter id restart with 5`);
    const plan = await restore(project, '--format', 'json');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.json().data.merge).toMatchObject({
      counts: { missing: 100, changed: 2, newer: 1, since: 1 },
      orphans: [],
      taken: [],
      plan: { writtenAt: 'updated_at' },
    });
    expect(plan.json().data.merge.differences.map(({ object }: { object: string }) => object)).toEqual([
      'index "odd s"."odd i"',
      `policy ${NAME} "it's own"`,
    ]);
    const loaded = await sides(db);
    expect(loaded).toEqual([{ name: expect.any(String), open: false, rls: true }]);
    expect(await numbers(db, `select count(*)::int as rows, sum(total)::int as total from ${NAME}`)).toEqual({
      rows: 901,
      total: (900 * 901) / 2 - 6 + 7 + 7 + 8,
    });

    const merged = await restore(project, '--merge', 'missing', '--yes', '--format', 'json');
    expect(merged.code, merged.stderr).toBe(0);
    expect(merged.stderr).toContain('was loaded by an earlier run and is whole');
    expect(merged.json().data.merge.merged).toMatchObject({ inserted: 100, updated: 0 });
    expect(merged.json().data.merge.merged.raised).toEqual([expect.stringMatching(/_id_seq to 1001$/)]);
    expect(await numbers(db, `select count(*)::int as rows from ${NAME} where total = 7 and id in (1, 2)`)).toEqual({
      rows: 2,
    });
    expect(
      await numbers(
        db,
        `select count(*)::int as rows from ${NAME} where id > 900 and "a "" b" = E'tab\\t\\n\\\\. ' || n`,
      ),
    ).toEqual({
      rows: 100,
    });
    expect(await sides(db)).toEqual([]);
    await db.query(`insert into ${NAME} (code) values ('next')`);

    const changed = await restore(project, '--merge', 'changed', '--yes', '--format', 'json');
    expect(changed.code, changed.stderr).toBe(0);
    expect(changed.json().data.merge.merged).toMatchObject({ inserted: 0, updated: 2, raised: [] });
    expect(
      await numbers(db, `select sum(total)::int as total, count(*)::int as rows from ${NAME} where id <= 3`),
    ).toEqual({
      total: 1 + 2 + 8,
      rows: 3,
    });
    // Once more there is nothing to do.
    const again = await restore(project, '--merge', 'changed', '--yes', '--format', 'json');
    expect(again.json().data.merge.merged).toEqual({ inserted: 0, updated: 0, raised: [] });
    expect(await numbers(db, `select relrowsecurity as rls from pg_class where oid = '${NAME}'::regclass`)).toEqual({
      rls: true,
    });
  });

  test('is left alone when rows would refer to nothing or have values that are taken, and both are told', async ({
    db,
  }) => {
    const project = await backedUp(db);
    await db.query(`
      delete from ${NAME} where id > 990;
      update ${NAME} set tenant_id = 1; delete from public.tenant where id = 2;
      insert into ${NAME} (code) values ('c999');
    `);
    const { code, stderr } = await restore(project, '--merge', 'missing', '--yes');
    expect(code).toBe(10);
    expect(stderr).toContain(
      '5 rows of odd s.in %voice</script> would refer to nothing by in %voice</script>_tenant_id_fkey',
    );
    expect(stderr).toContain(
      '1 rows of odd s.in %voice</script> have values of in %voice</script>_code_key that other rows have by now',
    );
    expect(await numbers(db, `select count(*)::int as rows from ${NAME}`)).toEqual({ rows: 991 });
    expect((await restore(project, '--discard')).stdout).toContain('are gone');
    expect(await sides(db)).toEqual([]);
  });

  test('that somebody has locked is not waited for too long, and the holder is named', async ({ db }) => {
    const project = await backedUp(db);
    await db.query(`delete from ${NAME} where id = 1000`);
    const blocker = await db.connect();
    const [{ pid }] = (await blocker.query('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    await blocker.query(`begin; update ${NAME} set total = 1 where id = 1`);
    const { code, stderr } = await restore(project, '--merge', 'missing', '--yes', '--lock-timeout', '300ms');
    expect(code).toBe(6);
    expect(stderr).toContain(`a lock is held by pid ${pid}, role app_owner`);
    await blocker.query('rollback');
    expect((await restore(project, '--merge', 'missing', '--yes')).code).toBe(0);
  });

  test('is merged when the run before was killed in the middle of its merge', async ({ db }) => {
    const project = await backedUp(db);
    await db.query(`delete from ${NAME} where id > 500`);
    const blocker = await db.connect();
    await blocker.query(`begin; lock table ${NAME} in row exclusive mode`);
    const run = project.start(
      'restore',
      'latest',
      '--table',
      TABLE,
      '--merge',
      'missing',
      '--yes',
      '--lock-timeout',
      '1min',
    );
    await waitsForLock(db);
    run.kill('SIGKILL');
    await run.done;
    await blocker.query('rollback');
    expect(await sides(db)).toHaveLength(1);
    const next = await restore(project, '--merge', 'missing', '--yes', '--format', 'json');
    expect(next.code, next.stderr).toBe(0);
    expect(next.json().data.merge.merged).toMatchObject({ inserted: 500 });
    expect(await sides(db)).toEqual([]);
    expect(await numbers(db, `select count(*)::int as rows from ${NAME}`)).toEqual({ rows: 1000 });
  });
});

describe('a table that is gone', () => {
  test('comes back with all that belongs to it, and is never seen without row-level security', async ({ db }) => {
    const project = await backedUp(db);
    await db.query(`drop table ${NAME} cascade`);
    const watcher = watch(await db.connect());
    const run = await restore(project, '--format', 'json');
    expect(await watcher.stop()).toEqual([]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.json().data.restore).toMatchObject({ rows: 1000 });
    expect(run.json().data.restore.left).toEqual([
      'VIEW public seen app_owner',
      'FK CONSTRAINT public other other_invoice_id_fkey app_owner',
    ]);
    expect(
      await numbers(
        db,
        `select relrowsecurity as rls, has_table_privilege('anon', oid, 'SELECT') as anon from pg_class where oid = '${NAME}'::regclass`,
      ),
    ).toEqual({ rls: true, anon: false });
    await db.query(`insert into ${NAME} (code) values ('next')`);
    expect(await numbers(db, `select max(id) as id, max(n) as n from ${NAME}`)).toEqual({ id: 1001, n: 1001 });
  });

  test('stays gone when something that it needs is gone too', async ({ db }) => {
    const project = await backedUp(db);
    await db.query(`drop table ${NAME} cascade; drop function public.touch()`);
    const { code, stderr } = await restore(project);
    expect(code).toBe(10);
    expect(stderr).toContain('function public.touch() does not exist');
    expect(await numbers(db, `select to_regclass('${NAME}') as there`)).toEqual({ there: null });
  });
});

test('a table that the backup does not have is named, and so are options that contradict each other', async ({
  db,
}) => {
  const project = await backedUp(db);
  const { code, stderr } = await project.run('restore', 'latest', '--table', 'public.nobody');
  expect(code).toBe(2);
  expect(stderr).toContain('has no rows of a table public.nobody');
  // What contradicts itself is refused before anything is loaded.
  for (const [args, message] of [
    [['--table', TABLE, '--plan', '--discard'], '--plan and --discard contradict each other'],
    [['--table', TABLE, '--swap'], '--swap and --table contradict each other'],
    [['--merge', 'missing', '--into', 'x'], '--merge is for one table'],
    [[], 'nothing says where to restore to'],
  ] as const) {
    const refused = await project.run('restore', 'latest', ...args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(message);
  }
});

test('the plan tells what would be loaded, merged or made, and what stands against it; nothing is written', async ({
  db,
}) => {
  const project = await backedUp(db);
  const content = `select (select count(*)::int from pg_namespace where nspname like 'aisha_restore_%') as sides,
    (select count(*)::int from ${NAME}) as rows, (select sum(total)::int from ${NAME}) as total`;
  await db.query(`delete from ${NAME} where id > 900; analyze ${NAME}`);
  const before = await numbers(db, content);
  const plan = await restore(project, '--merge', 'missing', '--plan', '--format', 'json');
  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.json().data.plan).toMatchObject({
    kind: 'beside',
    table: TABLE,
    command: [expect.stringMatching(/pg_restore$/), '--data-only', '--use-list=LIST', '--file=-', expect.any(String)],
    merge: 'missing',
    schema: expect.stringMatching(/^aisha_restore_/),
    key: ['id'],
    estimatedRows: 900,
    plan: { writtenAt: 'updated_at', warnings: ['the merge fires the triggers touch'] },
    problems: [],
  });
  expect(plan.json().data.plan.compared).toBeUndefined();
  expect(plan.json().data.plan.checked).toEqual(expect.arrayContaining(['in %voice</script>_code_key']));
  expect(await numbers(db, content)).toEqual(before);

  // Once the rows lie beside it, the plan knows how they differ.
  expect((await restore(project)).code).toBe(0);
  const known = await restore(project, '--merge', 'missing', '--plan');
  expect(known.code, known.stderr).toBe(0);
  expect(known.stdout).toMatch(/ 100 +in the backup and not in the table +missing, changed/);
  expect(known.stdout).toContain('SHARE ROW EXCLUSIVE');
  expect(await numbers(db, content)).toEqual({ ...before, sides: 1 });

  await db.superQuery(`drop table ${NAME} cascade; drop table public.tenant cascade`);
  const gone = await restore(project, '--plan', '--format', 'json');
  expect(gone.code).toBe(10);
  const { parts, problems } = gone.json().data.plan;
  expect(parts).toEqual(
    expect.arrayContaining(["policy it's own", 'index odd i', 'trigger touch', 'constraint in %voice</script>_pkey']),
  );
  expect(problems).toEqual([
    { message: `${TABLE} refers to public.tenant, which is not there`, hint: expect.any(String) },
  ]);
  expect(await numbers(db, `select to_regclass('${NAME}') as there`)).toEqual({ there: null });
});

async function waitsForLock(db: TestDatabase): Promise<void> {
  const waiting = () =>
    db.superQuery(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  await expect.poll(waiting, { timeout: 60_000, interval: 50 }).toHaveLength(1);
}

/** Looks all the time whether the table can be seen without its protection, or by whom it is not for. */
function watch(client: pg.Client): { stop(): Promise<unknown[]> } {
  const seen: unknown[] = [];
  let isDone = false;
  const watching = (async () => {
    while (!isDone) {
      const { rows } = await client.query(
        `select relrowsecurity, has_table_privilege('anon', oid, 'SELECT') as anon from pg_class
         where relname = 'in %voice</script>' and (not relrowsecurity or has_table_privilege('anon', oid, 'SELECT'))`,
      );
      seen.push(...rows);
    }
  })();
  return {
    stop: async () => {
      isDone = true;
      await watching;
      return seen;
    },
  };
}
