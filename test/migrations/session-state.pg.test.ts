/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeProject } from './project.ts';

/** What the second file finds of what the first one left in the session. */
const LEAKS: Readonly<Record<string, { readonly first: string; readonly second: string }>> = {
  'search path': {
    first: 'create schema elsewhere; set search_path = elsewhere;',
    second: "create table found as select current_setting('search_path') = '\"$user\", public' as clean;",
  },
  'search path emptied as pg_dump does': {
    first: "select pg_catalog.set_config('search_path', '', false);",
    second: "create table found as select current_setting('search_path') = '\"$user\", public' as clean;",
  },
  role: {
    first: 'set role anon;',
    second: "create table found as select current_user = 'app_owner' as clean;",
  },
  settings: {
    first:
      "set work_mem = '77MB'; set timezone = 'Asia/Tokyo'; set check_function_bodies = off; set aisha.flag = 'on'; set statement_timeout = 0; set row_security = off;",
    second: `create table found as select current_setting('work_mem') <> '77MB' and current_setting('timezone') <> 'Asia/Tokyo'
      and current_setting('check_function_bodies') = 'on' and current_setting('aisha.flag', true) is not distinct from ''
      and current_setting('row_security') = 'on' as clean;`,
  },
  'transaction defaults': {
    first: 'set session characteristics as transaction isolation level serializable, read only;',
    second: `create table found as select current_setting('transaction_isolation') = 'read committed' as clean;`,
  },
  'temporary tables': {
    first: 'create temp table scratch (id int); create temp view scratched as select 1;',
    second:
      "create table found as select to_regclass('scratch') is null and to_regclass('scratched') is null as clean;",
  },
  'prepared statements': {
    first: 'prepare p as select 1;',
    // The gate prepares its own, once for all files.
    second:
      "create table found as select not exists (select from pg_prepared_statements where name !~ '^aisha_db_') as clean;",
  },
  'advisory locks of the session': {
    first: 'select pg_advisory_lock(4711), pg_advisory_lock_shared(1, 2);',
    second: `create table found as select not exists (
      select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and (objid = 4711 or (classid = 1 and objid = 2))) as clean;`,
  },
  'cursors with hold': {
    first: 'declare c cursor with hold for select generate_series(1, 3);',
    second:
      'create table found as select not exists (select from pg_cursors where name is not null and is_holdable) as clean;',
  },
  listening: {
    first: 'listen news;',
    second: 'create table found as select not exists (select from pg_listening_channels()) as clean;',
  },
  'the last value of a sequence': {
    first: "create sequence s; select nextval('s');",
    second: `create table found (clean boolean);
      do $$ begin perform currval('s'); insert into found values (false);
      exception when object_not_in_prerequisite_state then insert into found values (true); end $$;`,
  },
};

const LIMITS =
  "insert into a (limits) values (current_setting('statement_timeout') || '/' || current_setting('lock_timeout'));";

async function isClean(db: TestDatabase): Promise<boolean | undefined> {
  return (await db.query<{ clean: boolean }>('select clean from public.found'))[0]?.clean;
}

/** A file that is run statement by statement leaves its session just as clean. */
const STATEMENT_BY_STATEMENT = '-- Transaction: none\n';

describe('a file finds a pristine session, whatever the one before it left', () => {
  for (const [name, { first, second }] of Object.entries(LEAKS)) {
    test(name, async ({ db }) => {
      await db.superQuery('alter schema public owner to app_owner');
      const project = await makeProject(db, { '001_first.sql': first, '002_second.sql': second });
      await project.succeed();
      expect(await isClean(db)).toBe(true);
    });
  }

  test('and so does one behind files that only add, which leave it to the next to put anything right', async ({
    db,
  }) => {
    await db.superQuery('alter schema public owner to app_owner');
    const limited = '-- Statement-Timeout: 7s\n-- Lock-Timeout: 3s\n';
    const project = await makeProject(db, {
      '001_first.sql': LEAKS['settings']!.first,
      '002_adds.sql': 'create table a (id int); insert into a values (1);',
      '003_adds.sql': `${limited}create table b (id int, at timestamptz default now()); insert into b (id) values (1);`,
      '004_adds.sql': `${limited}alter table a add column limits text default '';`,
      '005_shows.sql': LIMITS,
      '006_adds.sql': `${limited}alter table b add column c int;`,
      '007_none.sql': `-- Transaction: none\n${LIMITS}`,
      '008_adds.sql': `${limited}alter table b add column d int;`,
      '009_second.sql': LEAKS['settings']!.second,
      '010_adds.sql': `${limited}alter table b add column e int;`,
    });
    await project.succeed('--statement-timeout', '9s', '--lock-timeout', '4s');
    expect(await isClean(db)).toBe(true);
    expect(await db.query('select limits from a order by 1')).toEqual([
      { limits: '' },
      { limits: '9s/4s' },
      { limits: '9s/4s' },
    ]);
  });

  test('what a file is read by stays as it is, whatever the database or a hidden SET says', async ({ db }) => {
    await db.superQuery(`do $$ begin execute format(
      'alter database %I set standard_conforming_strings = off', current_database()); end $$`);
    const insert = "insert into t values ('c:\\'), ('ü; --');";
    const settings =
      "select set_config('client_encoding', 'LATIN1', false), set_config('standard_conforming_strings', 'off', false);";
    const project = await makeProject(db, {
      '001_ü.sql': `create table t (a text); ${insert}`,
      '002_ü.sql': `${STATEMENT_BY_STATEMENT}${settings}${insert}`,
      '003_ü.sql': insert,
    });
    await project.succeed();
    const rows = await db.query<{ a: string; n: number }>('select a, count(*)::int as n from t group by a order by a');
    expect(rows.map(({ a, n }) => [a, n]).sort()).toEqual([
      ['c:\\', 3],
      ['ü; --', 3],
    ]);
    expect((await project.ledger()).map(({ file, state }) => [file, state])).toEqual(
      ['001_ü.sql', '002_ü.sql', '003_ü.sql'].map((file) => [file, 'applied']),
    );
  });

  for (const name of ['role', 'search path', 'settings', 'temporary tables', 'advisory locks of the session']) {
    test(`${name}, left by a file that is run statement by statement`, async ({ db }) => {
      const { first, second } = LEAKS[name]!;
      const project = await makeProject(db, {
        '001_first.sql': `${STATEMENT_BY_STATEMENT}${first}`,
        '002_second.sql': `${STATEMENT_BY_STATEMENT}${second}`,
      });
      await project.succeed();
      expect(await isClean(db)).toBe(true);
    });
  }

  test('session authorization, where the role may change it', async ({ db }) => {
    const env = { DATABASE_URL: db.superUrl };
    const project = await makeProject(
      db,
      {
        '001_first.sql': 'set session authorization app_owner; create table owned (id int);',
        '002_steps.sql': `${STATEMENT_BY_STATEMENT}set session authorization app_owner; create table owned_too (id int); set role anon; select 1;`,
        '003_second.sql': "create table found as select session_user <> 'app_owner' as clean;",
      },
      { env },
    );
    await project.succeed();
    expect(await db.superQuery('select clean from found')).toEqual([{ clean: true }]);
    expect(await db.superQuery("select tableowner from pg_tables where tablename like 'owned%'")).toEqual([
      { tableowner: 'app_owner' },
      { tableowner: 'app_owner' },
    ]);
    const rows = await db.superQuery('select distinct applied_by = current_user as own from aisha_db.migrations');
    expect(rows).toEqual([{ own: true }]);
  });

  test('a file that failed leaves nothing for the next run of it', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql':
        'create temp table scratch (id int); set role anon; listen news; set search_path = nowhere; select 1 / 0;',
    });
    expect((await project.migrate()).code).toBe(7);
    expect(await project.ledger()).toEqual([]);
  });
});

describe('the ledger is written as the role that logged in', () => {
  test('after SET ROLE to a role that may not even see it', async ({ db }) => {
    await db.query('create schema private; grant usage, create on schema private to service_role');
    const project = await makeProject(db, {
      '001_role.sql': 'set role service_role; create table private.a (id int);',
      '002_local.sql': 'begin; set local role service_role; create table private.b (id int); commit;',
      '003_steps.sql': `${STATEMENT_BY_STATEMENT}set role service_role;\ncreate table private.c (id int);\ncreate table private.d (id int);`,
      '004_block.sql': `${STATEMENT_BY_STATEMENT}begin; set role service_role; create table private.e (id int); commit;\ncreate table private.f (id int);`,
      '005_local_block.sql': `${STATEMENT_BY_STATEMENT}begin; set local role service_role; create table private.g (id int); commit;\ncreate table private.h (id int);`,
      '006_hidden.sql': `${STATEMENT_BY_STATEMENT}do $$ begin execute 'set role service_role'; end $$;\ncreate table private.i (id int);`,
    });
    await project.succeed();
    const owners = await db.query<{ owners: string }>(
      "select string_agg(tablename || ' ' || tableowner, ', ' order by tablename) as owners from pg_tables where schemaname = 'private'",
    );
    expect(owners[0]!.owners).toBe(
      'a service_role, b service_role, c service_role, d service_role, e service_role, f service_role, g service_role, h app_owner, i service_role',
    );
    expect(new Set((await project.ledger()).map((row) => row.applied_by))).toEqual(new Set(['app_owner']));
  });

  test('with an empty search path', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': `${STATEMENT_BY_STATEMENT}select set_config('search_path', '', false);\ncreate table public.a (id int);`,
    });
    await project.succeed();
  });
});

describe("the runner's own lock", () => {
  test('is kept when a file drops every advisory lock of the session', async ({ db }) => {
    const holders = `select count(distinct l.pid) as n from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.classid in (1095324488, 1095324503) and a.datname = current_database()`;
    const project = await makeProject(db, {
      '001_drop.sql': `select pg_advisory_unlock_all(); create table during as ${holders};`,
      '002_after.sql': `create table after as ${holders};`,
    });
    await project.succeed();
    expect(await db.query('select n from during')).toEqual([{ n: '1' }]);
    expect(await db.query('select n from after')).toEqual([{ n: '2' }]);
  });

  test('is gone when the run has ended', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'select pg_advisory_lock(1);' });
    await project.migrate();
    const locks = `select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
    await expect.poll(() => db.query(locks)).toEqual([]);
  });
});
