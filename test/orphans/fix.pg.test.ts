/** @module-tag since-13 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { makeProject, type Project } from '../commands/project.ts';
import { until } from '../migrations/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

const ACC = `"S'ch%ema"."Acc""ount </script>"`;
const NOTE = `"S'ch%ema"."No te; drop"`;
const NAME = `${NOTE}(acc ünt$1) -> ${ACC}(I d)`;

/** Accounts 1 to 10; notes of accounts 1 to 20, so that ten are orphans of a key that is not valid. */
const SCHEMA = `
  create schema "S'ch%ema";
  create table ${ACC} ("I d" bigint primary key);
  create table ${NOTE} (
    id int generated always as identity primary key,
    "acc ünt$1" bigint,
    "it's" jsonb default '{"a": "\\u00e4"}',
    raw bytea default '\\x00ff',
    at timestamptz default 'infinity',
    amount numeric default 'NaN',
    twice int generated always as (id * 2) stored not null
  );
  insert into ${ACC} select generate_series(1, 10);
  insert into ${NOTE} ("acc ünt$1") select generate_series(1, 20);
  alter table ${NOTE} add constraint "fk ""q""" foreign key ("acc ünt$1") references ${ACC} not valid`;

const ALL_NOTES = `select n::text from ${NOTE} n order by id`;

describe('--fix delete', () => {
  test('deletes orphans in batches and nothing else; --restore puts back what was deleted, bit by bit', async ({
    db,
  }) => {
    await db.query(SCHEMA);
    const before = await db.query(ALL_NOTES);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--yes', '--batch-size', '3', '--pause', '0');
    expect(report).toMatchObject({ exitCode: 0, data: { fixes: [{ relation: NAME, repaired: 10, left: 0 }] } });
    expect(await db.query(ALL_NOTES)).toEqual(before.slice(0, 10));
    expect(await db.query('select batches, rows::int, state from aisha_db.orphan_fixes')).toEqual([
      { batches: 5, rows: 10, state: 'done' },
    ]);

    const script = await project.run('orphans', '--restore', '1', '--dry-run');
    expect(script.stdout).toContain('overriding system value');
    expect((await project.run('orphans', '--restore', '1', '--yes')).code).toBe(0);
    expect(await db.query(ALL_NOTES)).toEqual(before);
    expect(await constraint(db)).toMatch(/FOREIGN KEY .* NOT VALID$/);
    expect(await project.report('orphans', '--restore', '1', '--yes')).toMatchObject({
      exitCode: 2,
      error: { message: 'repair 1 was put back already' },
    });
  });

  test('asks first: without a terminal and --yes nothing happens', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const { code, stderr } = await project.run('orphans', '--fix', 'delete');
    expect(code).toBe(3);
    expect(stderr).toContain(`delete 10 rows of ${NOTE}`);
    expect(stderr).toContain('add --yes');
    expect(await db.query(ALL_NOTES)).toHaveLength(20);
    expect(await savedTables(db)).toEqual([]);
  });

  test('--dry-run shows the plan and writes nothing', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--dry-run');
    expect(report).toMatchObject({ exitCode: 0, data: { plans: [{ relation: NAME, orphans: 10, reached: [] }] } });
    expect(await savedTables(db)).toEqual([]);
  });

  test('nobody but the owner reads the saved rows, whatever default privileges say', async ({ db }) => {
    await db.query(`${SCHEMA}; alter default privileges grant all on tables to anon, public`);
    const project = await makeProject({}, { env: db.env });
    await project.report('orphans', '--fix', 'delete', '--yes');
    const rows = await db.query(`
      select has_table_privilege('anon', c.oid, 'select') as anon, relrowsecurity
      from pg_class c where relname = 'orphan_fix_1_0'`);
    expect(rows).toEqual([{ anon: false, relrowsecurity: true }]);
  });
});

describe('relations of every kind', () => {
  test('partitions: rows are deleted from them and put back into them', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table "Not es" (id int, account_id int, primary key (id, account_id)) partition by range (account_id);
      create table low partition of "Not es" for values from (0) to (100);
      create table high partition of "Not es" default;
      insert into accounts values (1), (200);
      insert into "Not es" values (1, 1), (2, 2), (3, 200), (4, 300)`);
    const before = await db.query('select tableoid::regclass::text as t, id from "Not es" order by id');
    const project = await makeProject({}, { env: db.env });
    expect(await project.report('orphans', '--fix', 'delete', '--yes')).toMatchObject({
      exitCode: 0,
      data: { fixes: [{ repaired: 2, left: 0 }] },
    });
    expect(await db.query('select id from "Not es" order by id')).toEqual([{ id: 1 }, { id: 3 }]);
    await project.run('orphans', '--restore', '1', '--yes');
    expect(await db.query('select tableoid::regclass::text as t, id from "Not es" order by id')).toEqual(before);
  });

  test('a type column: only the rows of that type, with what cascades from them', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table activities (id int primary key, related_id int, related_type text);
      create table minutes (id int primary key, activity_id int references activities on delete cascade);
      insert into accounts values (1);
      insert into activities values (1, 1, 'account'), (2, 2, 'account'), (3, 2, 'activity'), (4, 9, 'other');
      insert into minutes values (1, 1), (2, 2), (3, 3)`);
    const project = await makeProject({}, { env: db.env });
    const name = "public.activities(related_id) where related_type = 'account' -> public.accounts(id)";
    const plan = await project.report('orphans', name, '--fix', 'delete', '--dry-run', '--cascade');
    expect(plan.data.plans[0].reached).toMatchObject([{ table: 'public.minutes', rows: 1 }]);
    expect(plan.data.plans[0].leaving).toEqual([
      "public.activities(related_id) where related_type = 'activity' -> public.activities(id)",
    ]);
    await project.report('orphans', name, '--fix', 'delete', '--yes', '--cascade');
    expect(await db.query('select id from activities order by id')).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }]);
    expect(await db.query('select id from minutes order by id')).toEqual([{ id: 1 }, { id: 3 }]);
  });

  test('a table that refers to itself loses what the plan announced, and no generation more', async ({ db }) => {
    await db.query(`
      create table "Pages" (id int primary key, parent_id int);
      insert into "Pages" values (1, null), (2, 404), (3, 2), (4, 3)`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--yes', '--batch-size', '1');
    expect(report).toMatchObject({ exitCode: 1, data: { fixes: [{ repaired: 1, left: 1 }] } });
    expect(await db.query('select id from "Pages" order by id')).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }]);
  });

  test('a row that cannot be put back, since another has its key, is named', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table contacts (id int primary key, account_id int, email text unique);
      insert into contacts values (1, 404, 'a'), (2, 404, 'b')`);
    const project = await makeProject({}, { env: db.env });
    await project.report('orphans', '--fix', 'delete', '--yes');
    await db.query("insert into contacts values (3, null, 'b')");
    const { stdout } = await project.run('orphans', '--restore', '1', '--yes');
    expect(stdout).toContain('1 of 2 rows. 1 were left alone');
    expect(await db.query('select id from contacts order by id')).toEqual([{ id: 1 }, { id: 3 }]);
  });
});

describe('what deleting drags along', () => {
  const FAMILY = `
    create table accounts (id int primary key);
    create table contacts (id int primary key, account_id int, name text);
    create table calls (id int primary key, contact_id int references contacts on delete cascade);
    create table minutes (id int primary key, call_id int references calls on delete cascade, part_of int references minutes on delete cascade);
    create table deals (id int primary key, contact_id int references contacts on delete set null);
    insert into accounts values (1);
    insert into contacts values (1, 1, 'kept'), (2, 404, 'orphan'), (3, 405, 'orphan');
    insert into calls values (1, 1), (2, 2), (3, 3);
    insert into minutes values (1, 1, null), (2, 2, null), (3, null, 2), (4, null, 3), (5, null, 1);
    insert into deals values (1, 1), (2, 2)`;
  const everything = (db: TestDatabase) =>
    db.query(`
      select t from (
        select 'contact ' || c::text as t from contacts c union all select 'call ' || c::text from calls c
        union all select 'minute ' || m::text from minutes m union all select 'deal ' || d::text from deals d
      ) x order by t`);

  test('is counted, listed, and refused until it is accepted', async ({ db }) => {
    await db.query(FAMILY);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', 'contacts', '--fix', 'delete', '--yes');
    expect(report).toMatchObject({ exitCode: 4, error: { code: 'plan' } });
    expect(report.error.details.join('\n')).toContain('2 rows of public.calls would be deleted too');
    expect(report.error.details.join('\n')).toContain('1 row of public.deals would be set null');
    expect(await everything(db)).toHaveLength(13);
  });

  test('is saved with it, however deep and in circles, and put back', async ({ db }) => {
    await db.query(FAMILY);
    const before = await everything(db);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', 'contacts', '--fix', 'delete', '--yes', '--cascade');
    expect(report).toMatchObject({ exitCode: 0, data: { fixes: [{ repaired: 2, followed: 6 }] } });
    expect((await everything(db)).map(({ t }) => t)).toEqual([
      'call (1,1)',
      'contact (1,1,kept)',
      'deal (1,1)',
      'deal (2,)',
      'minute (1,1,)',
      'minute (5,,1)',
    ]);
    expect((await project.run('orphans', '--restore', '1', '--yes')).stdout).toContain('was put back');
    expect(await everything(db)).toEqual(before);
  });

  test('rows that a key holds back are named', async ({ db }) => {
    await db.query(`${FAMILY};
      create table invoices (id int primary key, contact_id int constraint held references contacts);
      insert into invoices values (1, 2)`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', 'contacts', '--fix', 'delete', '--yes', '--cascade');
    expect(report.exitCode).toBe(4);
    expect(report.error.details).toContainEqual(expect.stringContaining('1 row of public.invoices refer'));
    expect(await everything(db)).toHaveLength(13);
  });

  test('what a trigger deletes elsewhere is not saved, so the batch is undone', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table contacts (id int primary key, account_id int);
      create table diary (contact int);
      insert into contacts values (1, 404);
      insert into diary values (1);
      create function forget() returns trigger language plpgsql as
        $$ begin delete from diary where contact = old.id; return old; end $$;
      create trigger "it's forgotten" after delete on contacts for each row execute function forget()`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', 'contacts', '--fix', 'delete', '--yes', '--triggers');
    expect(report).toMatchObject({ exitCode: 4, error: { code: 'plan' } });
    expect(report.error.details).toEqual(['rows of public.diary deleted: 1, announced and saved: 0']);
    expect(
      await db.query('select (select count(*) from contacts)::int c, (select count(*) from diary)::int d'),
    ).toEqual([{ c: 1, d: 1 }]);
    const plan = await project.report('orphans', 'contacts', '--fix', 'delete', '--dry-run');
    expect(plan.data.plans[0].triggers).toEqual([
      { table: 'public.contacts', name: "it's forgotten", function: 'public.forget' },
    ]);
  });

  test('what a trigger changes elsewhere is done when it is accepted', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table contacts (id int primary key, account_id int);
      create table totals (n int);
      insert into contacts values (1, 404);
      insert into totals values (1);
      create function discount() returns trigger language plpgsql as
        $$ begin update totals set n = n - 1; return old; end $$;
      create trigger t after delete on contacts for each row execute function discount()`);
    const project = await makeProject({}, { env: db.env });
    expect(await project.report('orphans', 'contacts', '--fix', 'delete', '--yes')).toMatchObject({ exitCode: 4 });
    expect(await db.query('select n from totals')).toEqual([{ n: 1 }]);
    const report = await project.report('orphans', 'contacts', '--fix', 'delete', '--yes', '--triggers');
    expect(report.exitCode).toBe(0);
    expect(await db.query('select n from totals')).toEqual([{ n: 0 }]);
  });
});

describe('--fix set-null', () => {
  test('clears the key of orphans and nothing else, and is put back where nobody has set another since', async ({
    db,
  }) => {
    await db.query(SCHEMA);
    const before = await db.query(ALL_NOTES);
    const project = await makeProject({}, { env: db.env });
    expect(await project.report('orphans', '--fix', 'set-null', '--yes')).toMatchObject({ exitCode: 0 });
    const keys = () =>
      db.query(`select "acc ünt$1"::int as k from ${NOTE} order by id`).then((r) => r.map(({ k }) => k));
    expect(await keys()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...Array(10).fill(null)]);
    expect((await project.run('orphans', '--restore', '1', '--yes')).code).toBe(0);
    expect(await db.query(ALL_NOTES)).toEqual(before);
    expect(await project.report('orphans', '--fix', 'set-null', '--yes')).toMatchObject({ exitCode: 0 });
    await db.query(`update ${NOTE} set "acc ünt$1" = 1 where id = 11`);
    expect((await project.run('orphans', '--restore', '2', '--yes')).code).toBe(0);
    expect((await keys()).slice(10)).toEqual([1, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });

  test('is refused where the column is NOT NULL; of a composite key tenant_id stays', async ({ db }) => {
    await db.query(`
      create table tenant (id int primary key);
      create table accounts (tenant_id int, id int, primary key (tenant_id, id));
      create table notes (id int primary key, tenant_id int references tenant, account_id int,
        constraint joint foreign key (tenant_id, account_id) references accounts);
      create table strict (id int primary key, account_id int not null, "tenantId" int not null);
      insert into tenant values (1);
      alter table notes drop constraint joint;
      insert into notes values (1, 1, 404);
      insert into strict values (1, 404, 405);
      alter table notes add constraint joint foreign key (tenant_id, account_id) references accounts not valid`);
    const project = await makeProject({}, { env: db.env });
    const refused = await project.report('orphans', 'strict', '--fix', 'set-null', '--yes');
    expect(refused.error).toMatchObject({
      code: 'plan',
      details: ['public.strict(tenantId) -> public.tenant(id): tenantId is NOT NULL: use --fix delete'],
    });
    await project.report('orphans', 'notes', '--fix', 'set-null', '--yes');
    expect(await db.query('select tenant_id, account_id from notes')).toEqual([{ tenant_id: 1, account_id: null }]);
  });

  test('--fix report says what either would do and changes nothing', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const { stdout, code } = await project.run('orphans', '--fix', 'report');
    expect(code).toBe(1);
    expect(stdout).toContain(`set acc ünt$1 to NULL in 10 rows of ${NOTE}`);
    expect(stdout).toContain(`delete 10 rows of ${NOTE}`);
    expect(await savedTables(db)).toEqual([]);
  });
});

describe('audit_log', () => {
  const LOG = `
    create table audit_log (id uuid default gen_random_uuid(), action varchar(16), table_name varchar(63), record_id uuid,
      old_data jsonb, new_data jsonb, changed_by text);
    create table accounts (id int primary key);
    create table contacts (id uuid primary key, account_id int, password_hash text);
    insert into contacts values ('00000000-0000-0000-0000-00000000000a', 404, 'secret')`;

  test('gets a row for each change, without secrets', async ({ db }) => {
    await db.query(LOG);
    const project = await makeProject({}, { env: db.env });
    await project.report('orphans', '--fix', 'set-null', '--yes');
    expect(
      await db.query('select action, table_name, record_id, old_data, new_data, changed_by from audit_log'),
    ).toEqual([
      {
        action: 'UPDATE',
        table_name: 'contacts',
        record_id: '00000000-0000-0000-0000-00000000000a',
        old_data: { id: '00000000-0000-0000-0000-00000000000a', account_id: 404 },
        new_data: { id: '00000000-0000-0000-0000-00000000000a', account_id: null },
        changed_by: expect.stringContaining('aisha-db orphans'),
      },
    ]);
  });

  test('is left to the trigger that writes it', async ({ db }) => {
    await db.query(`${LOG};
      create function log_audit_changes() returns trigger language plpgsql as
        $$ begin insert into audit_log (action) values ('trigger'); return null; end $$;
      create trigger audit after delete on contacts for each row execute function log_audit_changes()`);
    const project = await makeProject({}, { env: db.env });
    expect(await project.report('orphans', '--fix', 'delete', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await db.query('select action from audit_log')).toEqual([{ action: 'trigger' }]);
  });
});

describe('other sessions', () => {
  test('a parent that appears between plan and repair saves its rows, also while it is not yet committed', async ({
    db,
  }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const writer = await db.connect();
    await writer.query(`begin; insert into ${ACC} values (11)`);
    const run = project.start('orphans', '--fix', 'delete', '--yes', '--lock-timeout', '20s', '--format', 'json');
    await until(
      db,
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like 'lock table%'
      and datname = current_database()`,
    );
    await writer.query('commit');
    const report = (await run.done).json();
    expect(report.data.fixes).toMatchObject([{ repaired: 9, left: 0 }]);
    expect(await db.query(`select id from ${NOTE} where "acc ünt$1" = 11`)).toHaveLength(1);
  });

  test('rows that another session has locked are passed over and named', async ({ db }) => {
    await db.query(SCHEMA);
    const holder = await db.connect();
    await holder.query(`begin; select from ${NOTE} where id = 15 for update`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--yes');
    expect(report).toMatchObject({ exitCode: 1, data: { fixes: [{ repaired: 9, left: 1 }] } });
    expect(report.findings[0].message).toContain('1 orphan is left');
  });

  test('a parent that stays locked ends with 6, with nothing changed', async ({ db }) => {
    await db.query(SCHEMA);
    const holder = await db.connect();
    await holder.query(`begin; insert into ${ACC} values (50)`);
    const project = await makeProject({ 'aisha-db.config.json': '{ "lockRetries": 1 }' }, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--yes', '--lock-timeout', '50ms');
    expect(report).toMatchObject({ exitCode: 6, error: { code: 'lock' } });
    expect(await db.query(ALL_NOTES)).toHaveLength(20);
  });
});

describe('killed (SIGKILL) in the middle', () => {
  test('the next run goes on: every row that is gone is saved, once, and can be put back', async ({ db }) => {
    await db.query(SCHEMA);
    await addOrphans(db, 3_000);
    const before = await db.query(ALL_NOTES);
    const project = await makeProject({}, { env: db.env });
    for (let attempt = 0; attempt < 3; attempt++) {
      const run = project.start('orphans', '--fix', 'delete', '--yes', '--batch-size', '20', '--pause', '5ms');
      const target = 20 + attempt * 400;
      await until(db, `select from pg_class where relname = 'orphan_fixes'`);
      await until(db, `select from aisha_db.orphan_fixes where rows > ${target}`);
      run.kill('SIGKILL');
      await run.done;
      await sleep(50);
      await expectNothingLost(db, before.length);
    }
    const report = await project.report('orphans', '--fix', 'delete', '--yes');
    expect(report).toMatchObject({ exitCode: 0, data: { fixes: [{ id: 1, left: 0 }] } });
    expect(await db.query('select id, state, rows::int from aisha_db.orphan_fixes')).toEqual([
      { id: 1, state: 'done', rows: 3010 },
    ]);
    expect((await project.run('orphans', '--restore', '1', '--yes')).code).toBe(0);
    expect(await db.query(ALL_NOTES)).toEqual(before);
  });
});

test('interrupted (SIGINT): the batch in hand is undone, what is repaired is saved', async ({ db }) => {
  await db.query(SCHEMA);
  await addOrphans(db, 3_000);
  const project = await makeProject({}, { env: db.env });
  const run = project.start('orphans', '--fix', 'delete', '--yes', '--batch-size', '5', '--pause', '5ms');
  await until(db, `select from pg_class where relname = 'orphan_fixes'`);
  await until(db, 'select from aisha_db.orphan_fixes where rows > 10');
  run.kill('SIGINT');
  const { code, stderr } = await run.done;
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /interrupted by SIGINT.* of 3010 rows are repaired|interrupted: \d+ of 3010 rows are repaired/,
  );
  await expectNothingLost(db, 3_020);
});

test('a protected environment wants its name', async ({ db }) => {
  await db.query(SCHEMA);
  const environments = { prod: { url: db.url, protected: true } };
  const project = await makeProject({ 'aisha-db.config.json': JSON.stringify({ environments }) });
  const args = ['orphans', '--env', 'prod', '--fix', 'delete'];
  expect((await project.run(...args, '--yes')).code).toBe(3);
  expect(await db.query(ALL_NOTES)).toHaveLength(20);
  expect((await project.run(...args, '--confirm', 'prod')).code).toBe(0);
  expect(await db.query(ALL_NOTES)).toHaveLength(10);
});

describe('what is missing is named before anything is done', () => {
  test('rights on the table, and on the parent that has to be locked', async ({ db }) => {
    await db.query(SCHEMA);
    await db.superQuery(`
      alter table ${ACC} owner to ${await superuser(db)};
      grant select on ${ACC} to app_owner`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', '--fix', 'delete', '--yes');
    expect(report.exitCode).toBe(4);
    expect(report.error.details).toEqual([
      `app_owner may not lock ${ACC} against new rows: grant update on ${ACC} to "app_owner";`,
    ]);
    await db.superQuery(`grant update on ${ACC} to app_owner`);
    expect(await project.report('orphans', '--fix', 'delete', '--yes')).toMatchObject({ exitCode: 0 });
  });

  test('a repair that is not known, and two things at once', async ({ db }) => {
    const project: Project = await makeProject({}, { env: db.env });
    expect((await project.run('orphans', '--fix', 'nul')).stderr).toContain('Choose set-null, delete or report.');
    expect((await project.run('orphans', '--fix', 'delete', '--restore', '1')).stderr).toContain('two things to do');
    expect(await project.report('orphans', '--restore', '7')).toMatchObject({ exitCode: 2 });
  });
});

/** So many rows that refer to nothing, behind a key that is not valid. */
async function addOrphans(db: TestDatabase, count: number): Promise<void> {
  await db.query(`alter table ${NOTE} drop constraint "fk ""q""";
    insert into ${NOTE} ("acc ünt$1") select 1000 + n from generate_series(1, ${count}) n;
    alter table ${NOTE} add constraint "fk ""q""" foreign key ("acc ünt$1") references ${ACC} not valid`);
}

/** Rows that are there and rows that are saved are all of them, and none is both. */
async function expectNothingLost(db: TestDatabase, total: number): Promise<void> {
  const [row] = await db.query(`
    select (select count(*) from ${NOTE})::int + (select count(*) from aisha_db.orphan_fix_1_0)::int as all,
      (select count(distinct id) from (select id from ${NOTE} union all select id from aisha_db.orphan_fix_1_0) x)::int as distinct`);
  expect(row).toEqual({ all: total, distinct: total });
}

async function constraint(db: TestDatabase): Promise<string> {
  const [row] = await db.query<{ d: string }>(
    `select pg_get_constraintdef(oid) as d from pg_constraint where conname = 'fk "q"'`,
  );
  return row!.d;
}

async function savedTables(db: TestDatabase): Promise<unknown[]> {
  return db.query(`select relname from pg_class where relname like 'orphan_fix%'`);
}

async function superuser(db: TestDatabase): Promise<string> {
  const [row] = await db.superQuery<{ name: string }>('select quote_ident(current_user) as name');
  return row!.name;
}
