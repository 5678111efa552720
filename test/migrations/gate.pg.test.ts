/** @module-tag since-13 */
import { describe } from 'vitest';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import { expect, type TestDatabase, withDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { test as anyTest, withdrawReader } from '../tenancy/database.ts';
import { makeProject, type Project, states, tables } from './project.ts';

const TABLE = '"Kunden ""%"';
const OBJECT = `public.${TABLE}`;
const MINE = "tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid";

/** A table of tenants, isolated, that the API may use, and one whose owner is not bound. */
const ISOLATED = `
  alter default privileges revoke select on tables from app_reader;
  grant usage on schema public to anon, authenticated;
  create table ${TABLE} (id int primary key, tenant_id uuid not null);
  grant select, insert, update, delete on ${TABLE} to authenticated;
  alter table ${TABLE} enable row level security, force row level security;
  create policy "isolation's" on ${TABLE} using (${MINE});
  create table unforced (id int primary key, tenant_id uuid not null);
  alter table unforced enable row level security;
  create policy isolation on unforced using (${MINE});
  create policy "of the service" on unforced to service_role using (true);
  create table listed (code int primary key, name text);
  alter table listed enable row level security; create policy everybody on listed for select using (true);
  grant select on listed to anon, authenticated;
  create view closed as select * from unforced;
  create view harmless as select ''::text as tenant_id;
  grant select on harmless to anon;
`;

interface Isolated {
  readonly db: TestDatabase;
  readonly project: Project;
}

const FILES = { '001_isolated.sql': ISOLATED };

/** `shared` is for files that leave nothing behind; `isolated` is a copy of it. */
const test = anyTest.extend<{ template: TestDatabase; copy: TestDatabase; shared: Isolated; isolated: Isolated }>({
  template: [
    async ({ maintenance }, use) =>
      withDatabase(maintenance, undefined, async (db) => {
        await (await makeProject(db, FILES)).succeed();
        await use(db);
      }),
    { scope: 'file' },
  ],
  copy: [async ({ maintenance, template }, use) => withDatabase(maintenance, template.name, use), { scope: 'file' }],
  shared: async ({ copy }, use) => use(await openCopy(copy)),
  isolated: async ({ maintenance, template }, use) =>
    withDatabase(maintenance, template.name, async (db) => use(await openCopy(db))),
});

async function openCopy(db: TestDatabase): Promise<Isolated> {
  await withdrawReader(db);
  return { db, project: await makeProject(db, FILES) };
}

interface Finding {
  readonly check: string;
  readonly severity: string;
  readonly object: string;
  readonly message: string;
}

/** Runs a second file. */
async function change({ project }: Isolated, sql: string, ...args: string[]) {
  await project.write({ '005_change.sql': sql });
  const result = await project.migrate(...args);
  const report = result.json();
  const findings: Finding[] = report.findings.filter(({ check }: Finding) => check === 'gate');
  return { result, report, findings };
}

const configure = ({ project }: Isolated, gate: object | string) =>
  project.write({ 'aisha-db.config.json': JSON.stringify({ gate }) });

function superUrl({ url }: TestDatabase): string {
  const { superuser, superPassword } = testServer();
  return Object.assign(new URL(url), { username: superuser, password: superPassword }).href;
}

const filesOf = async ({ project }: Isolated) => (await project.ledger()).map(({ file }) => file);

const WORSENINGS: [what: string, sql: string, message: RegExp][] = [
  ['RLS switched off', `alter table ${TABLE} disable row level security`, /is switched off/],
  ['FORCE removed', `alter table ${TABLE} no force row level security`, /is no longer forced/],
  ['a policy dropped', `drop policy "isolation's" on ${TABLE}`, /policy "isolation's" is dropped and nothing takes/],
  ['a policy that becomes true', `alter policy "isolation's" on ${TABLE} using (true)`, /is true whatever the row/],
  [
    'a policy that is true in other words',
    `alter policy "isolation's" on ${TABLE} using (${MINE} or tenant_id = tenant_id)`,
    /is true whatever the row/,
  ],
  [
    'a policy beside the others that opens rows of others',
    `create policy more on ${TABLE} for select to authenticated using (tenant_id < 'f0000000-0000-4000-8000-000000000000')`,
    /let authenticated SELECT a row of/,
  ],
  [
    'a policy that opens rows to a session that names no tenant',
    `alter policy "isolation's" on ${TABLE}
       using (${MINE} or coalesce(current_setting('app.current_tenant_id', true), '') = '')`,
    /in a session (that never named a tenant|whose tenant is the empty string)/,
  ],
  [
    'a policy for those who may see everything that is given to others, with more conditions than before',
    'alter policy "of the service" on unforced to anon using (true and (id is null or id > -9))',
    /public.unforced|anon/,
  ],
  [
    'a check that lets rows go to other tenants',
    `alter policy "isolation's" on ${TABLE} with check (true)`,
    /is true whatever the row|INSERT a row of another tenant/,
  ],
  [
    'a DO block that builds its statement',
    `do $$ begin execute format('alter table %I disable row level security', 'Kunden "%'); end $$`,
    /is switched off/,
  ],
  [
    'a trigger that does it when a row is inserted',
    `create function f() returns trigger language plpgsql as $f$
       begin execute 'alter table public."Kunden ""%" no force row level security'; return new; end $f$;
     create table log (id int);
     create trigger t before insert on log for each row execute function f();
     insert into log values (1)`,
    /is no longer forced/,
  ],
  [
    'a table that is renamed as well',
    `alter table ${TABLE} rename to customers; alter table customers disable row level security`,
    /is switched off/,
  ],
  [
    'a file that leaves settings behind',
    `set search_path = ''; set row_security = off; alter table public.${TABLE} disable row level security;
     reset all; set search_path = nowhere`,
    /is switched off/,
  ],
  [
    'a SECURITY DEFINER function that is open to API roles',
    `create function "all of %"(text) returns setof unforced language sql security definer
       set search_path = '' as 'select * from public.unforced'`,
    /the function is open to anon and authenticated and runs as app_owner/,
  ],
  [
    'a view that reads as its owner',
    `create view "it's all" as select * from unforced; grant select on "it's all" to anon`,
    /the view shows anon every row of public.unforced/,
  ],
  [
    'a view on a view, by a grant on one column',
    `create view lower_view as select * from unforced;
     create view upper_view as select * from lower_view;
     grant select (tenant_id) on upper_view to authenticated`,
    /the view shows authenticated every row of public.unforced/,
  ],
  [
    "a view of a table that is nobody's, through which it may be written to",
    `create view "list %" as select * from listed; grant select, insert on "list %" to anon`,
    /the view shows anon every row of public.listed/,
  ],
  [
    "a view of a table that is nobody's and of another one",
    `create view "list %" as select l.name, u.tenant_id from listed l cross join unforced u;
     grant select on "list %" to anon`,
    /the view shows anon every row of public.listed and public.unforced/,
  ],
  [
    'a materialized view',
    'create materialized view copy as select * from unforced; grant select on copy to authenticated',
    /the materialized view shows authenticated every row of public.unforced/,
  ],
  [
    'a column of a view that nobody of the API might use is granted',
    'grant select (tenant_id) on closed to authenticated',
    /the view shows authenticated every row of public.unforced/,
  ],
  [
    'a view that is open reads another table',
    'create or replace view harmless as select tenant_id::text from unforced',
    /the view shows anon every row of public.unforced/,
  ],
  [
    'the rule of a view that is open',
    `create or replace rule "_RETURN" as on select to harmless do instead select tenant_id::text from unforced`,
    /the view shows anon every row of public.unforced/,
  ],
  [
    'a change in a block of its own, behind one that was taken back',
    `do $$ begin
       begin alter table unforced add column a int; raise 'no'; exception when others then null; end;
       begin execute 'alter table unforced disable row level security'; exception when others then null; end;
     end $$`,
    /is switched off/,
  ],
  [
    'a table that is isolated beside one that no longer is',
    `create table fresh (tenant_id uuid); alter table fresh enable row level security, force row level security;
     create policy p on fresh using (${MINE}); alter table unforced disable row level security`,
    /is switched off/,
  ],
  [
    'a table whose RLS is not forced, among more changes than fit in a message of the server',
    `do $$ begin
       for n in 1..400 loop execute format('create function f%s() returns int language sql as %L', n, 'select 1'); end loop;
     end $$;
     alter table unforced add column a int; alter table unforced disable row level security`,
    /is switched off/,
  ],
  [
    'a table made anew whose policies open more',
    `drop table ${TABLE}; create table ${TABLE} (id int primary key, tenant_id uuid not null);
     grant select on ${TABLE} to authenticated; alter table ${TABLE} enable row level security, force row level security;
     create policy "isolation's" on ${TABLE} using (tenant_id = tenant_id)`,
    /is true whatever the row/,
  ],
  [
    'another table that takes the place of one, isolated but not forced',
    `create table fresh (id int, tenant_id uuid); alter table fresh enable row level security;
     create policy p on fresh using (${MINE}); alter table ${TABLE} rename to old; alter table fresh rename to ${TABLE}`,
    /is no longer forced/,
  ],
  [
    'prepared statements that are dropped, those of the gate with them',
    `deallocate all; prepare mine as select 1; alter table unforced disable row level security`,
    /is switched off/,
  ],
];

describe('a file that makes isolation worse is rolled back with exit code 9:', () => {
  test.for(WORSENINGS)('%s', async ([, sql, message], { shared }) => {
    const { result, report, findings } = await change(shared, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(report.error).toMatchObject({ code: 'rlsGate' });
    expect(report.error.message).toContain('nothing of the file remains');
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(report.data.gate.judged).toMatchObject([{ file: '005_change.sql', verdict: 'refused' }]);
    expect(await filesOf(shared)).toEqual(['001_isolated.sql']);
    expect(await tables(shared.db)).toEqual(['Kunden "%', 'listed', 'unforced']);
  });

  test('what roles and schemas may do, and who owns what is not forced', async ({ isolated }) => {
    const { db, project } = isolated;
    const superuser = ['--database-url', superUrl(db)];
    // A view in a schema that is closed, and one that reads as app_reader, whom RLS binds.
    await db.superQuery(`create schema "closed %"; create view "closed %".inner_view as select * from public.unforced;
      alter view "closed %".inner_view owner to app_owner; grant select on "closed %".inner_view to anon;
      create view public.bound as select * from public.unforced; alter view public.bound owner to app_reader;
      grant select on public.unforced to app_reader; grant select on public.bound to anon`);
    await db.superQuery('create role "gr%oup"');
    const refused: [sql: string, object: string, message: RegExp][] = [
      ['alter role anon bypassrls', 'role anon', /does not bind it any more/],
      ['grant service_role to anon', 'role anon', /does not bind it any more/],
      ['grant usage on schema "closed %" to anon', '"closed %".inner_view', /shows anon every row of public.unforced/],
      ['alter table unforced owner to app_reader', 'public.bound', /public.unforced: it reads them as app_reader/],
      [`alter table ${TABLE} owner to authenticated`, OBJECT, /authenticated owns it, or may become the owner/],
      [
        `alter table unforced owner to "gr%oup"; grant "gr%oup" to anon`,
        'public.unforced',
        /anon owns it, or may become the owner/,
      ],
      [
        'alter role anon set role = service_role',
        'role anon',
        /begin as service_role, whom row-level security does not/,
      ],
      [`alter role anon set app.current_tenant_id = 'a "%'`, 'role anon', /begin with app.current_tenant_id = "a/],
      [
        `alter database ${quoteIdentifier(db.name)} set "request.jwt.claims" = '{"sub": "%"}'`,
        `database ${db.name}`,
        /begin with request.jwt.claims = .*whoever names no tenant is taken for that one/,
      ],
    ];
    for (const [sql, object, message] of refused) {
      const { result, findings } = await change(isolated, sql, ...superuser);
      expect(result.code, sql + result.stderr).toBe(9);
      expect(findings).toMatchObject([{ object, severity: 'critical', message: expect.stringMatching(message) }]);
    }
    await project.write({
      '004_harmless.sql': `create schema empty; grant usage on schema empty to anon; drop view bound;
        alter table unforced owner to app_reader; alter table ${TABLE} owner to app_reader;
        alter database ${quoteIdentifier(db.name)} set app.current_tenant_id = '';
        alter database ${quoteIdentifier(db.name)} set app.other = 'a'; alter role anon set role = authenticated;
        alter role anon reset role; alter role authenticated in database ${quoteIdentifier(db.name)} set role = anon; drop role "gr%oup"`,
      '005_change.sql': 'alter table unforced add column a int',
    });
    const passed = await project.migrate(...superuser);
    expect(passed.code, passed.stderr).toBe(0);
    expect(passed.json().data.gate.judged).toEqual([]);
    expect(await db.superQuery("select gate from aisha_db.migrations where file > '002'")).toEqual([
      { gate: 'passed' },
      { gate: 'passed' },
    ]);
  });

  test('whom policies concern, since API roles are members of others', async ({ isolated }) => {
    const { db } = isolated;
    const superuser = ['--database-url', superUrl(db)];
    await db.superQuery(`create role "wide %"; create role "narrow %"; grant "narrow %" to anon;
      create policy wide on ${TABLE} for select to "wide %" using (true);
      create policy seven on unforced for select to anon using (id <> 7);
      create policy narrow on unforced as restrictive to "narrow %" using (false)`);
    try {
      const refused = [
        ['grant "wide %" to anon', OBJECT, /policy wide is true whatever the row/],
        ['revoke "narrow %" from anon', 'public.unforced', /let anon SELECT a row of/],
      ] as const;
      for (const [sql, object, message] of refused) {
        const { result, findings } = await change(isolated, sql, ...superuser);
        expect(result.code, sql + result.stderr).toBe(9);
        expect(findings).toMatchObject([{ object, severity: 'critical', message: expect.stringMatching(message) }]);
      }
      await isolated.project.write({ '002_service.sql': 'create policy service on unforced to "wide %" using (true)' });
      const passed = await change(
        isolated,
        'grant "wide %" to service_role; grant "narrow %" to authenticated',
        ...superuser,
      );
      expect(passed.result.code, passed.result.stderr).toBe(0);
      expect(passed.findings).toEqual([]);
    } finally {
      await db.superQuery('drop owned by "wide %", "narrow %"; drop role "wide %", "narrow %"');
    }
  });

  test('a function that policies call is changed, and through it every policy', async ({ isolated }) => {
    await isolated.project.write({
      '002_called.sql': `create function inner_tenant() returns uuid language sql stable
          as $$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$;
        create function "is Mine"(uuid) returns boolean language sql stable as $$ select $1 = inner_tenant() $$;
        create table called (id int, tenant_id uuid);
        grant select on called to authenticated;
        alter table called enable row level security, force row level security;
        create policy p on called using ("is Mine"(tenant_id))`,
    });
    await isolated.project.succeed();
    const { result, findings } = await change(
      isolated,
      `create or replace function inner_tenant() returns uuid language sql stable
         as $$ select coalesce(nullif(current_setting('app.current_tenant_id', true), '')::uuid, tenant_id)
               from called limit 1 $$;
       create or replace function "is Mine"(uuid) returns boolean language sql stable as 'select true'`,
    );
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([{ object: 'public.called', severity: 'critical' }]);

    const again = await change(
      isolated,
      `create or replace function "is Mine"(uuid) returns boolean language sql stable as 'select true';
       drop policy p on called; create policy same on called using ("is Mine"(tenant_id))`,
    );
    expect(again.result.code, again.result.stderr).toBe(9);
    expect(again.findings).toMatchObject([{ object: 'public.called', severity: 'critical' }]);
  });
});

test('what a file isolates may not be opened by the next one of the run', async ({ db }) => {
  await withdrawReader(db);
  const project = await makeProject(db, {
    '001_plain.sql': 'create table plain (id int, tenant_id uuid)',
    '002_isolates.sql': `alter table plain enable row level security; create policy p on plain using (${MINE})`,
    '003_opens.sql': 'alter table plain disable row level security',
  });
  const result = await project.migrate();
  expect(result.code, result.stderr).toBe(9);
  expect(states(result)).toMatchObject({ '002_isolates.sql': 'applied', '003_opens.sql': 'failed' });
});

test('what another session isolates while files run may not be opened by the next one', async ({ isolated }) => {
  const { db, project } = isolated;
  await db.query('create table late (id int, tenant_id uuid)');
  await project.write({
    '002_waits.sql': 'select pg_advisory_xact_lock(4711); create table waited (id int)',
    '003_opens.sql': 'alter table late disable row level security',
  });
  await db.query('select pg_advisory_lock(4711)');
  const run = project.migrate();
  await expect
    .poll(() => db.query("select 1 from pg_locks where locktype = 'advisory' and not granted"), { timeout: 60_000 })
    .toHaveLength(1);
  await db.query('alter table late enable row level security; select pg_advisory_unlock(4711)');
  const result = await run;
  expect(result.code, result.stderr).toBe(9);
  expect(states(result)).toMatchObject({ '002_waits.sql': 'applied', '003_opens.sql': 'failed' });
});

describe('a file that only adds is not taken on trust', () => {
  test('where an event trigger runs with it', async ({ isolated }) => {
    await isolated.db.superQuery(`create function harm() returns event_trigger language plpgsql as
          $$ begin if to_regclass('added') is not null then alter table ${TABLE} disable row level security; end if; end $$;
        create event trigger harm on ddl_command_end when tag in ('CREATE TABLE') execute function harm()`);
    const { result, findings } = await change(isolated, 'create table added (id int)');
    expect(result.code).toBe(9);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(findings).toMatchObject([{ severity: 'critical', object: OBJECT }]);
  });

  test("where what it calls may be somebody's own", async ({ isolated }) => {
    await isolated.db.superQuery(`create function public.now() returns timestamptz language plpgsql as
          $$ begin alter table ${TABLE} disable row level security; return clock_timestamp(); end $$;
        alter role app_owner in database ${quoteIdentifier(isolated.db.name)} set search_path = public, pg_catalog`);
    const adding = 'create table added (at timestamptz); insert into added values (now())';
    const { result, findings } = await change(isolated, adding);
    expect(result.code).toBe(9);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(findings).toMatchObject([{ severity: 'critical', object: OBJECT }]);
  });
});

describe('of a session that never named a tenant every file of a run is asked, not only the first:', () => {
  const NEVER = "current_setting('app.current_tenant_id', true) is null";
  const opens = `alter policy isolation on unforced using (${MINE} or ${NEVER})`;

  test.for<[what: string, first: string, second: string]>([
    ['another policy was asked before', `alter policy "isolation's" on ${TABLE} using (${MINE} or false)`, opens],
    ['the file before made the setting', "set app.current_tenant_id = 'x'; reset all", opens],
    [
      'functions say so',
      `create function never() returns boolean language sql stable as $$ select ${NEVER} $$;
       alter policy "isolation's" on ${TABLE} using (${MINE} or false)`,
      `alter policy isolation on unforced using (${MINE} or never())`,
    ],
  ])('%s', async ([, first, second], { isolated }) => {
    await isolated.project.write({ '002_first.sql': first });
    const { result, findings } = await change(isolated, second);
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)).toMatchObject({ '002_first.sql': 'applied', '005_change.sql': 'failed' });
    expect(findings).toMatchObject([
      { object: 'public.unforced', message: expect.stringContaining('that never named a tenant') },
    ]);
  });
});

describe('what was found out in a run is forgotten when', () => {
  const ROLE = '"reads ""%"';
  // A policy for a role that is no client opens nothing to one: it becomes one where its tables are in scope.
  const OPENS = (table: string) => `create policy opens on "API's".${table} for select to ${ROLE} using (true)`;
  const table = (name: string) => `create table "API's".${name} (id int, tenant_id uuid);
    grant select on "API's".${name} to ${ROLE};
    alter table "API's".${name} enable row level security, force row level security;
    create policy mine on "API's".${name} using (${MINE});`;

  test.for<[what: string, bypasses: boolean, sql: (database: string) => string]>([
    ['a role no longer bypasses RLS', true, () => `alter role ${ROLE} nobypassrls`],
    ['a schema is granted', false, () => `grant usage on schema "API's" to anon`],
    ['a setting has the API serve a schema', false, (db) => `alter database ${db} set pgrst.db_schemas = '"API''s"'`],
    [
      'a member of a role is let in',
      false,
      () => `drop policy opens on "API's".one; grant usage on schema "API's" to ${ROLE}; grant ${ROLE} to anon`,
    ],
  ])('%s', async ([, bypasses, sql], { isolated: { db, project } }) => {
    const role = `create role ${ROLE} ${bypasses ? 'bypassrls' : ''}`;
    const schema = `create schema "API's"; ${bypasses ? `grant usage on schema "API's" to anon;` : ''}`;
    await db.superQuery(`${role}; ${schema} ${table('one')} ${table('two')}`);
    try {
      await project.write({
        '002_as_before.sql': OPENS('one'),
        '003_changes.sql': sql(quoteIdentifier(db.name)),
        '004_opens.sql': OPENS('two'),
      });
      const result = await project.migrate('--database-url', superUrl(db));
      expect(result.code, result.stderr).toBe(9);
      expect(states(result)).toMatchObject({ '003_changes.sql': 'applied', '004_opens.sql': 'failed' });
      expect(result.json().error.message).toContain(`makes isolation worse for "API's".two;`);
    } finally {
      await db.superQuery(`drop schema "API's" cascade; drop role ${ROLE}`);
    }
  });

  test('an enumeration has another label', async ({ isolated }) => {
    const more = (
      name: string,
    ) => `create table ${name} (tenant_id uuid, kind "Ki%nd"); grant select on ${name} to anon;
      alter table ${name} enable row level security; create policy mine on ${name} using (${MINE});`;
    const opens = (name: string) => `alter policy mine on ${name} using (${MINE} or kind > 'closed')`;
    await isolated.project.write({
      '002_tables.sql': `create type "Ki%nd" as enum ('closed'); ${more('one')} ${more('two')}`,
      '003_as_before.sql': opens('one'),
      '004_label.sql': `alter type "Ki%nd" add value 'open'`,
    });
    const { result, findings } = await change(isolated, opens('two'));
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)).toMatchObject({ '004_label.sql': 'applied', '005_change.sql': 'failed' });
    expect(findings).toMatchObject([{ object: 'public.two', severity: 'critical' }]);
  });
});

test('prepared statements of a file are not there for the next one, whether or not it was judged', async ({
  isolated,
}) => {
  await isolated.project.write({
    '002_prepares.sql': 'prepare mine as select 1',
    '003_again.sql': `prepare mine as select 2; alter policy "isolation's" on ${TABLE} using (${MINE} and id > 7)`,
    '004_again.sql': 'prepare mine as select 3; deallocate mine; prepare other as select 4; deallocate all',
    '005_again.sql': `create table left_behind as select count(*)::int from pg_prepared_statements
      where name !~ '^aisha_db_'; prepare mine as select 1; prepare other as select 1`,
    '006_drops.sql': `do $$ declare one text; begin
      for one in select name from pg_prepared_statements where name ~ '^aisha_db_mark_' loop
        execute 'deallocate ' || one;
      end loop;
    end $$`,
    '007_again.sql': `alter policy "isolation's" on ${TABLE} using (${MINE} and id > 8); prepare mine as select 1`,
  });
  await isolated.project.succeed();
  expect(await isolated.db.query('select count from left_behind')).toEqual([{ count: 0 }]);
});

test('a table that was open before may not take the place of one that is isolated', async ({ isolated }) => {
  await configure(isolated, 'off');
  await isolated.project.write({ '002_open.sql': 'create table "Open ""%" (id int, tenant_id uuid)' });
  await isolated.project.succeed();
  await configure(isolated, {});
  const swap = `alter table ${TABLE} rename to old; alter table "Open ""%" rename to ${TABLE}`;
  const { result, findings } = await change(isolated, swap);
  expect(result.code, result.stderr).toBe(9);
  expect(findings).toMatchObject([
    { object: OBJECT, message: expect.stringContaining('another table without row-level security bears its name') },
  ]);
  expect(await tables(isolated.db)).toEqual(['Kunden "%', 'Open "%', 'listed', 'unforced']);
});

const AS_WELL: [what: string, sql: string][] = [
  [
    'a policy replaced by an equal one under another name',
    `drop policy "isolation's" on ${TABLE}; create policy other on ${TABLE} using (${MINE})`,
  ],
  [
    'a policy replaced by a stricter one',
    `drop policy "isolation's" on ${TABLE};
     create policy strict on ${TABLE} for select to authenticated using (${MINE} and id > 0)`,
  ],
  [
    'a policy that says otherwise whose the row is, and more',
    `alter policy "isolation's" on ${TABLE} using (tenant_id::text = (select current_setting('app.current_tenant_id', true)) and id > 7)`,
  ],
  ['a policy made stricter', `alter policy "isolation's" on ${TABLE} using (${MINE} and id > 7)`],
  ['the table dropped', `drop table ${TABLE}`],
  [
    'the table replaced by another that isolates as well, with another name for the tenant',
    `create table fresh (org uuid, id bigint); alter table fresh rename org to tenant_id;
     alter table fresh enable row level security, force row level security; create policy p on fresh using (${MINE});
     alter table ${TABLE} rename to old; alter table fresh rename to ${TABLE}`,
  ],
  ['a table renamed to and fro', `alter table ${TABLE} rename to b; alter table b rename to ${TABLE}`],
  ['the table renamed and moved', `create schema app; alter table ${TABLE} rename to b; alter table b set schema app`],
  [
    'FORCE removed for a moment',
    `alter table ${TABLE} no force row level security; insert into ${TABLE} values (1, gen_random_uuid());
     alter table ${TABLE} force row level security`,
  ],
  [
    'one of two policies that open the same dropped',
    `create policy twin on ${TABLE} using (${MINE}); drop policy "isolation's" on ${TABLE}`,
  ],
  [
    'a view as whoever queries it, and one that nobody of the API may use',
    `do $$ begin
       if current_setting('server_version_num')::int >= 150000 then
         execute 'create view invoker with (security_invoker = on) as select * from unforced';
         grant select on invoker to anon;
       end if;
     end $$;
     create view internal as select * from unforced`,
  ],
  [
    'SECURITY DEFINER functions: for triggers, revoked, and called by a policy',
    `create function t() returns trigger language plpgsql security definer as 'begin return new; end';
     create function closed() returns int language sql security definer as 'select 1';
     revoke execute on function closed() from public;
     create function mine() returns uuid language sql stable security definer
       as $$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$;
     create policy served on unforced using (tenant_id = mine())`,
  ],
  [
    "a view of a table that is nobody's and that everybody may read",
    `create view "list %" as select * from listed; grant select on "list %" to anon, authenticated;
     create materialized view stored as select name from "list %"; grant select on stored to anon`,
  ],
  ['a policy for those who are meant to see everything', `create policy s on ${TABLE} to service_role using (true)`],
];

/** As PostgREST's authenticator: what a function takes by SET role, its login may become. */
const TAKES = {
  'a function that takes a role which every login of the API may become': "set role = 'service_role'",
  'the same in other words': 'set "role" to service_role set search_path = public',
};

test.for(Object.entries(TAKES))('%s is refused', async ([, settings], { isolated }) => {
  const login = quoteIdentifier(`login 'of' % ${isolated.db.name}`);
  await isolated.db.superQuery(`create role ${login} login noinherit; grant anon, service_role to ${login}`);
  try {
    const { result, findings } = await change(
      isolated,
      `create function "takes %"(int) returns setof unforced language sql ${settings} as 'select * from public.unforced'`,
    );
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([
      { message: expect.stringContaining('the function is open to anon and runs as service_role') },
    ]);
  } finally {
    await isolated.db.superQuery(`drop role ${login}`);
  }
});

describe('a file that isolates as well as before is applied:', () => {
  test.for(AS_WELL)('%s', async ([, sql], { isolated }) => {
    const { result, findings } = await change(isolated, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
    expect(states(result)['005_change.sql']).toBe('applied');
  });

  test('a view and a function that were open before stay open, and policies that were open are no worse', async ({
    isolated,
  }) => {
    const open = `
      create view seen as select * from unforced; grant select on seen to anon;
      create function runs(int) returns int language sql security definer set search_path = '' as 'select 1';
      create function walks() returns int language sql security definer set search_path = '' as 'select 1';
      create policy wide on unforced using (true)`;
    await configure(isolated, { mode: 'off' });
    await isolated.project.write({ '002_open.sql': open });
    await isolated.project.succeed();
    await configure(isolated, {});
    const { result, report, findings } = await change(
      isolated,
      `drop view seen; create view seen as select id, tenant_id from unforced; grant select on seen to anon;
       drop function runs(int); create function runs(int, "more %" text default '') returns int language sql security definer
         set search_path = '' as 'select 2';
       alter function walks() rename to strolls;
       drop policy wide on unforced; create policy wider on unforced using (1 = 1);
       insert into unforced values (1, gen_random_uuid())`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
    expect(report.data.gate.judged).toMatchObject([{ file: '005_change.sql', verdict: 'passed' }]);
    expect(await isolated.db.query('select id from unforced')).toEqual([{ id: 1 }]);
  });

  test('a function takes a role of which no login of the API is a member, or that its callers have anyway', async ({
    isolated,
  }) => {
    const { result, findings } = await change(
      isolated,
      `create function takes_service() returns setof unforced language sql set role = 'service_role'
         as 'select * from public.unforced';
       create function takes_own() returns int language sql set role = 'anon' as 'select 1'`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });

  test('row-level security comes to a table that a view and a function lead around already', async ({ isolated }) => {
    await configure(isolated, 'off');
    await isolated.project.write({
      '002_open.sql': `create table late (tenant_id uuid);
        create view "late's" as select * from late; grant select on "late's" to anon;
        create function runs() returns int language sql security definer set search_path = '' as 'select 1';
        create function mine() returns uuid language sql stable security definer
          as $$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$;
        create policy served on unforced using (tenant_id = mine())`,
    });
    await isolated.project.succeed();
    await configure(isolated, {});
    const { result, findings } = await change(
      isolated,
      `alter table late enable row level security;
       create policy p on late using (${MINE});
       drop policy served on unforced; create policy served on unforced using (${MINE})`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });

  test('row-level security comes to a database that has none, with functions that run as its owner', async ({ db }) => {
    await withdrawReader(db);
    const project = await makeProject(db, {
      '001_open.sql': `create function runs() returns int language sql security definer as 'select 1'`,
    });
    await project.succeed();
    await project.write({ '002_isolated.sql': ISOLATED });
    await project.succeed();
  });

  test('a database that isolates nothing and serves no API is left alone', async ({ db }) => {
    const files = { '001_a.sql': 'create table a (tenant_id uuid)', '002_b.sql': 'create view b as select * from a' };
    const result = await (await makeProject(db, files)).succeed('--strict-gate');
    expect(result.json().data.gate.judged).toEqual([]);
    expect(result.json().findings).toEqual([]);
  });
});

describe('a file behind others whose policies had to be asked tells at its end what it takes to judge it:', () => {
  const OTHERWISE = "tenant_id = any (array[nullif(current_setting('app.current_tenant_id', true), '')::uuid])";
  const ASKED = {
    '002_table.sql': `create table asked (id int, tenant_id uuid); grant select, insert on asked to authenticated;
      alter table asked enable row level security, force row level security;
      create policy p on asked using (${MINE})`,
    '003_asked.sql': `alter policy p on asked using (${OTHERWISE} and id <> 3)`,
    '004_asked.sql': `alter policy p on asked using (${OTHERWISE} and id <> 4)`,
  };
  const changeBehind = async (isolated: Isolated, sql: string, ...args: string[]) => {
    await isolated.project.write(ASKED);
    return change(isolated, sql, ...args);
  };
  const namesPolicies = ([, sql]: readonly [string, string, ...unknown[]]) => /policy/i.test(sql);

  test.for([
    ...WORSENINGS.filter(namesPolicies),
    [
      'where it drops what the gate has prepared',
      `deallocate all; alter policy "isolation's" on ${TABLE} using (true)`,
      /is true whatever the row/,
    ],
    [
      'where it leaves a path and a setting behind',
      `alter policy "isolation's" on ${TABLE} using (${OTHERWISE} or id = 7); set search_path = information_schema;
       set app.current_tenant_id = '00000000-0000-4000-8000-0000000000aa'`,
      /let anon SELECT a row/,
    ],
    ['where it takes the mark away', `alter policy p on asked using (id > 5); reset all`, /let anon SELECT a row/],
    [
      'where it writes to more catalogs than those before it',
      `alter policy p on asked using (${OTHERWISE} and id <> 5); alter table ${TABLE} no force row level security`,
      /is no longer forced/,
    ],
  ] satisfies typeof WORSENINGS)('%s, is refused', async ([, sql, message], { isolated }) => {
    const { result, findings } = await changeBehind(isolated, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message);
    expect(states(result)).toMatchObject({ '004_asked.sql': 'applied', '005_change.sql': 'failed' });
    expect(await filesOf(isolated)).toEqual(['001_isolated.sql', ...Object.keys(ASKED)]);
  });

  test.for(AS_WELL.filter(namesPolicies))('%s, is applied', async ([, sql], { isolated }) => {
    const { result, findings } = await changeBehind(isolated, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });

  test('where it has the server count nothing, is refused', async ({ isolated }) => {
    const sql = `set track_counts = off; alter policy p on asked using (true)`;
    const { result, findings } = await changeBehind(isolated, sql, '--database-url', superUrl(isolated.db));
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([{ object: 'public.asked' }]);
  });

  test('in a message of its own', async ({ isolated }) => {
    const { result } = await changeBehind(
      isolated,
      `create table prepared as select count(*)::int from pg_prepared_statements where statement like '%few as materialized%'`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(await isolated.db.query('select count from prepared')).toEqual([{ count: 1 }]);
  });

  test('one that names policies and writes none that matter is applied, and the next one is judged', async ({
    isolated,
  }) => {
    await isolated.project.write({
      '004a_fresh.sql': `create table fresh (tenant_id uuid); insert into fresh values (gen_random_uuid());
        alter table fresh enable row level security, force row level security; create policy p on fresh using (${MINE})`,
      '004b_none.sql': "select 'drop policy'; select",
    });
    const { result, findings } = await changeBehind(isolated, `alter policy p on fresh using (${OTHERWISE} or id > 0)`);
    expect(result.code, result.stderr).toBe(7);
    expect(findings).toEqual([]);
    const again = await changeBehind(isolated, `alter policy p on fresh using (true)`);
    expect(again.result.code, again.result.stderr).toBe(9);
    expect(await isolated.db.query('select gate from aisha_db.migrations order by file')).toEqual(
      Array.from({ length: 6 }, () => ({ gate: 'passed' })),
    );
  });

  test('one that fails is no matter of the gate, and the message says where', async ({ isolated }) => {
    const { result, report } = await changeBehind(isolated, `alter policy p on asked using (true);\nselect 1 / 0`);
    expect(result.code, result.stderr).toBe(7);
    expect(report.error.message).toContain('005_change.sql:2');
  });

  test('where a policy cannot be printed for a lock, that is found out in another way', async ({ isolated }) => {
    const { db, project } = isolated;
    await project.write({
      ...ASKED,
      '004a_reads.sql': `create table allowed (id int);
        create policy reads on asked as restrictive using (id in (select id from allowed))`,
    });
    await project.succeed();
    await db.query('begin; lock table allowed');
    await project.write({
      '004b_asked.sql': `alter policy "isolation's" on ${TABLE} using (${OTHERWISE} and id <> 4)`,
      '004c_asked.sql': `alter policy "isolation's" on ${TABLE} using (${OTHERWISE} and id <> 5)`,
    });
    const { result, findings } = await change(isolated, `alter policy p on asked using (${OTHERWISE} and id <> 5)`);
    await db.query('rollback');
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toMatchObject([{ object: 'public.asked', severity: 'warning' }]);
  });

  test('what it changes of roles itself is what it is judged by', async ({ isolated }) => {
    const { db, project } = isolated;
    await db.superQuery(`create role "told %" bypassrls; grant select on ${TABLE} to "told %"`);
    try {
      await project.write({
        ...ASKED,
        '004a_as_before.sql': `create policy opens on ${TABLE} for select to "told %" using (true)`,
      });
      const { result } = await change(
        isolated,
        'alter role "told %" nobypassrls; create policy opens on asked for select to "told %" using (true); grant select on asked to "told %"',
        '--database-url',
        superUrl(db),
      );
      expect(result.code, result.stderr).toBe(9);
      expect(states(result)).toMatchObject({ '004a_as_before.sql': 'applied', '005_change.sql': 'failed' });
    } finally {
      await db.superQuery('drop owned by "told %"; drop role "told %"');
    }
  });
});

describe('a new table without RLS', () => {
  const OPEN = 'create table "New ""%" (tenant_id uuid); grant select on "New ""%" to anon';
  const SECURE = 'alter table "New ""%" enable row level security';

  test('may be secured by a later file of the run, or by the final phase', async ({ isolated }) => {
    const { project } = isolated;
    await project.write({ '003_a.sql': OPEN, '004_b.sql': SECURE });
    await project.succeed();
    await project.write({
      '006_c.sql': 'create table late (tenant_id uuid)',
      '999_final.sql': 'alter table late enable row level security',
    });
    await project.succeed();
  });

  test('that none secures is applied and ends the run with 9, with the file that would mend it', async ({
    isolated,
  }) => {
    const { project } = isolated;
    await project.write({ '003_a.sql': OPEN, '004_b.sql': SECURE });
    const result = await project.migrate('--to', '003');
    expect(result.code).toBe(9);
    const { error, findings } = result.json();
    expect(error.message).toBe('this run leaves a new table without row-level security: public."New ""%"');
    expect(findings).toMatchObject([
      {
        check: 'gate',
        severity: 'critical',
        object: 'public."New ""%"',
        message: expect.stringMatching(
          /anon may use every row.*comes with 003_a.sql, and 004_b.sql, which has not run/s,
        ),
      },
    ]);
    expect(states(result)).toMatchObject({ '003_a.sql': 'applied' });
    // It is no longer new: the next run is about its own files.
    await project.succeed();
  });

  test('is refused in its own file with --strict-gate', async ({ isolated }) => {
    const { project } = isolated;
    await project.write({ '003_a.sql': OPEN, '004_b.sql': SECURE });
    const refused = await project.migrate('--strict-gate');
    expect(refused.code).toBe(9);
    expect(states(refused)).toMatchObject({ '003_a.sql': 'failed', '004_b.sql': 'not-run' });
    await project.write({ '003_a.sql': `${OPEN}; ${SECURE}`, '004_b.sql': 'create table plain (id int)' });
    await project.succeed('--strict-gate');
  });

  test('of no tenant and no API is none of the gate', async ({ isolated }) => {
    const { findings, result } = await change(
      isolated,
      'create table plain (id int); create temp table t (tenant_id uuid)',
    );
    expect(result.code).toBe(0);
    expect(findings).toEqual([]);
  });
});

describe('what configuration says', () => {
  const WORSE = `alter table ${TABLE} disable row level security; alter table unforced disable row level security`;

  test('"warn" reports and applies', async ({ isolated }) => {
    await configure(isolated, 'warn');
    const { result, report, findings } = await change(isolated, WORSE);
    expect(result.code).toBe(0);
    expect(findings.map(({ severity, object }) => `${severity} ${object}`)).toEqual([
      `warning ${OBJECT}`,
      'warning public.unforced',
    ]);
    expect(report.data.gate.judged).toMatchObject([{ file: '005_change.sql', verdict: 'warned' }]);
  });

  test('"warn" reports each table whose policies say what was found out of another', async ({ isolated }) => {
    const table = (name: string) => `create table ${name} (id int, tenant_id uuid); grant select on ${name} to anon;
      alter table ${name} enable row level security; create policy p on ${name} using (${MINE});`;
    const open = (name: string) => `drop policy p on ${name}; create policy p on ${name} using (tenant_id = tenant_id)`;
    await isolated.project.write({ '002_alike.sql': table('one') + table('"two ""%"') });
    await isolated.project.succeed();
    await configure(isolated, 'warn');
    await isolated.project.write({ '003_one.sql': open('one'), '004_two.sql': open('"two ""%"') });
    const result = await isolated.project.succeed();
    expect(result.json().findings).toMatchObject([{ object: 'public.one' }, { object: 'public."two ""%"' }]);
  });

  test('"off" looks at nothing', async ({ isolated }) => {
    await configure(isolated, { mode: 'off' });
    const { result, findings } = await change(isolated, WORSE);
    expect(result.code).toBe(0);
    expect(findings).toEqual([]);
  });

  test('an exception is for its object alone, and its reason is reported', async ({ isolated }) => {
    const reason = 'a demo of the fair';
    await configure(isolated, { exceptions: [{ object: OBJECT, mode: 'warn', reason }] });
    const { result, findings } = await change(isolated, WORSE);
    expect(result.code).toBe(9);
    expect(findings.find(({ object }) => object === OBJECT)).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining(`(allowed: ${reason})`),
    });
    const second = await change(isolated, `alter table ${TABLE} disable row level security`);
    expect(second.result.code).toBe(0);
    expect(second.findings).toMatchObject([{ object: OBJECT, severity: 'warning' }]);
  });

  test.for(['warn', 'off'])('an object may be enforced where the rest is "%s"', async (mode, { isolated }) => {
    const exception = { object: OBJECT, mode: 'enforce', reason: 'holds "%" of customers' };
    await configure(isolated, { mode, exceptions: [exception] });
    const { result, findings } = await change(isolated, WORSE);
    expect(result.code).toBe(9);
    expect(result.json().error.message).toContain(`makes isolation worse for ${OBJECT};`);
    expect(findings.map(({ severity, object }) => `${severity} ${object}`)).toEqual([
      `critical ${OBJECT}`,
      ...(mode === 'warn' ? ['warning public.unforced'] : []),
    ]);
    expect(findings[0]!.message).toContain(`(enforced: ${exception.reason})`);
  });

  test('--strict-gate is refused where the gate is off', async ({ isolated }) => {
    await configure(isolated, 'off');
    await isolated.project.write({ '005_change.sql': 'create table open (tenant_id uuid)' });
    const result = await isolated.project.migrate('--strict-gate');
    expect(result.code, result.stderr).toBe(2);
    expect(result.json().error.message).toContain('--strict-gate asks for a gate that the configuration switches off');
    expect(await tables(isolated.db)).not.toContain('open');
  });

  test('an exception without a reason is refused', async ({ isolated }) => {
    await configure(isolated, { exceptions: [{ object: OBJECT, mode: 'off', reason: ' ' }] });
    const result = await isolated.project.migrate();
    expect(result.code).toBe(2);
    expect(result.json().error.details.join('\n')).toContain('expected the reason');
  });
});

test('a file that runs statement by statement is judged behind its end: 9, and what it did stays', async ({
  isolated,
}) => {
  const { project } = isolated;
  await project.write({ '006_after.sql': 'create table after (id int)' });
  const { result, report, findings } = await change(
    isolated,
    `alter table ${TABLE} disable row level security; create index concurrently i on ${TABLE} (tenant_id)`,
  );
  expect(result.code).toBe(9);
  expect(report.error.message).toContain('cannot be rolled back: what it did is committed and recorded');
  expect(states(result)).toMatchObject({ '005_change.sql': 'applied', '006_after.sql': 'not-run' });
  expect(findings).toMatchObject([{ object: OBJECT, severity: 'critical' }]);
  expect(await filesOf(isolated)).toContain('005_change.sql');
});

test('of a file that fails on its way, the report says what is worse already', async ({ isolated }) => {
  const { result, report, findings } = await change(
    isolated,
    `create index concurrently i on ${TABLE} (tenant_id); alter table ${TABLE} disable row level security; select 1 / 0`,
  );
  expect(result.code).toBe(8);
  expect(findings).toMatchObject([{ object: OBJECT, severity: 'critical' }]);
  expect(report.data.gate.judged).toMatchObject([{ file: '005_change.sql', verdict: 'refused' }]);
  expect(states(result)['005_change.sql']).toBe('interrupted');
});

test('the summary of a run names the gate', async ({ isolated }) => {
  const { project } = isolated;
  await project.write({ '002_policy.sql': `create policy more on ${TABLE} using (${MINE} and id > 7)` });
  const passed = await project.migrate('--format', 'table');
  expect(passed.stdout).toContain('; the gate looked at 1 file and found nothing that isolates less');
  await project.write({ '003_off.sql': `alter table ${TABLE} disable row level security` });
  const refused = await project.migrate('--format', 'table');
  expect(refused.stdout).toContain('; the gate refused 1 change');
});

describe('a rollback', () => {
  const undo = ({ project }: Isolated, ...args: string[]) =>
    project.command('rollback', '002', '--yes', '--no-backup', '--rollbacks-dir', project.dir, ...args);

  /** A migration that isolates one more table, and what undoes it. */
  async function isolateMore(isolated: Isolated, rollback: string): Promise<void> {
    await isolated.project.write({
      '002_more.sql': `create table more (tenant_id uuid); alter table more enable row level security;
        create policy p on more using (${MINE})`,
      'ROLLBACK_002_more.sql': rollback,
    });
    await isolated.project.succeed();
  }

  test('that opens a table is refused with 9, unless insisted on', async ({ isolated }) => {
    await isolateMore(isolated, 'drop policy p on more; alter table more disable row level security');
    const refused = await undo(isolated);
    expect(refused.code, refused.stderr).toBe(9);
    expect(refused.json().error.hint).toContain('--allow-worse-isolation');
    expect(refused.json().data.gate.judged).toMatchObject([{ verdict: 'refused' }]);
    expect(await isolated.project.ledger()).toMatchObject([{}, { file: '002_more.sql', state: 'applied' }]);

    const insisted = await undo(isolated, '--allow-worse-isolation');
    expect(insisted.code, insisted.stderr).toBe(0);
    expect(insisted.json().findings).toMatchObject([{ check: 'gate', severity: 'warning', object: 'public.more' }]);
    expect(await isolated.project.ledger()).toMatchObject([{}, { file: '002_more.sql', state: 'rolled-back' }]);
  });

  test('that opens what an exception enforces is insisted on in the same way', async ({ isolated }) => {
    const exception = { object: 'public.more', mode: 'enforce', reason: 'holds customers' };
    await configure(isolated, { mode: 'warn', exceptions: [exception] });
    await isolateMore(isolated, 'drop policy p on more; alter table more disable row level security');
    const refused = await undo(isolated);
    expect(refused.code, refused.stderr).toBe(9);
    const insisted = await undo(isolated, '--allow-worse-isolation');
    expect(insisted.code, insisted.stderr).toBe(0);
    expect(insisted.json().findings).toMatchObject([{ check: 'gate', severity: 'warning', object: 'public.more' }]);
    expect(await isolated.project.ledger()).toMatchObject([{}, { file: '002_more.sql', state: 'rolled-back' }]);
  });

  test('that opens a table statement by statement has done it, and ends with 9', async ({ isolated }) => {
    await isolateMore(
      isolated,
      'create index concurrently i on more (tenant_id); alter table more disable row level security',
    );
    const result = await undo(isolated);
    expect(result.code, result.stderr).toBe(9);
    expect(result.json().error.message).toContain('cannot be rolled back');
    expect(await isolated.project.ledger()).toMatchObject([{}, { file: '002_more.sql', state: 'rolled-back' }]);
  });

  test('that takes the table away with its policy is none of the gate', async ({ isolated }) => {
    await isolateMore(isolated, 'drop policy p on more; drop table more');
    const result = await undo(isolated);
    expect(result.code, result.stderr).toBe(0);
    expect(result.json().findings).toEqual([]);
  });
});

test('the ledger keeps the verdict, also one that was made before it had a place for it', async ({ isolated }) => {
  const { db, project } = isolated;
  await db.query('alter table aisha_db.migrations drop column gate');
  await project.write({ '002_rows.sql': `insert into unforced values (1, gen_random_uuid())` });
  await project.succeed();
  await configure(isolated, 'off');
  await project.write({ '003_off.sql': 'create table plain (id int)' });
  await project.succeed();
  await configure(isolated, 'warn');
  await project.write({
    '004_warned.sql': 'alter table unforced disable row level security',
    '005_policy.sql': `create policy p on ${TABLE} to service_role using (true)`,
  });
  await project.succeed();
  await configure(isolated, 'enforce');
  await project.write({
    '006_steps.sql': `alter table ${TABLE} no force row level security; create index concurrently i on ${TABLE} (tenant_id)`,
  });
  expect((await project.migrate()).code).toBe(9);
  expect(await db.query('select file, gate from aisha_db.migrations order by file')).toEqual([
    { file: '001_isolated.sql', gate: null },
    { file: '002_rows.sql', gate: 'passed' },
    { file: '003_off.sql', gate: null },
    { file: '004_warned.sql', gate: 'warned' },
    { file: '005_policy.sql', gate: 'passed' },
    { file: '006_steps.sql', gate: 'refused' },
  ]);
});

test('what the server shows of a file that is tried again is the file', async ({ isolated }) => {
  const { db, project } = isolated;
  await project.write({ '002_waits.sql': 'alter table unforced add column "late %" int' });
  await db.query('begin; lock table unforced');
  const run = project.migrate('--lock-timeout', '200ms');
  const shown = new Map<string, string>();
  const look = async () => {
    const rows = await db.superQuery<{ start: string; query: string }>(
      `select query_start::text as start, query from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    for (const { start, query } of rows) shown.set(start, query);
    return shown.size;
  };
  await expect.poll(look, { timeout: 60_000, interval: 20 }).toBeGreaterThan(1);
  await db.query('rollback');
  expect((await run).code).toBe(0);
  for (const query of shown.values()) {
    expect(query).toContain('late %');
    expect(query).not.toContain('prepare aisha_db');
  }
});

describe('a role that is granted the table and that the migrating one cannot become', () => {
  const grant = ({ db }: Isolated) => db.superQuery(`grant select on ${TABLE} to app_reader`);

  test('does not hide what others see', async ({ isolated }) => {
    await grant(isolated);
    const { result, findings } = await change(isolated, `alter policy "isolation's" on ${TABLE} using (true)`);
    expect(result.code).toBe(9);
    expect(findings).toMatchObject([{ object: OBJECT, severity: 'critical' }]);
  });

  test('is named where nothing else is found, and the file is applied', async ({ isolated }) => {
    await grant(isolated);
    const { result, findings } = await change(
      isolated,
      `alter policy "isolation's" on ${TABLE} using (${MINE} or false)`,
    );
    expect(result.code).toBe(0);
    expect(findings).toMatchObject([
      { object: OBJECT, severity: 'warning', message: expect.stringContaining('cannot become app_reader') },
    ]);
  });
});

test('what the gate asks holds no lock and leaves no setting', async ({ isolated }) => {
  const { db, project } = isolated;
  // The second file would meet what is left of the question that the first one raised.
  await project.write({
    '002_replace.sql': `drop policy "isolation's" on ${TABLE}; create policy p on ${TABLE} using (${MINE} or false)`,
    '003_look.sql': `create table left_behind as
      select current_setting('transaction_read_only') as read_only, current_setting('app.current_tenant_id', true) as tenant,
        current_user::text as role, (select count(*)::int from pg_locks
          where pid = pg_backend_pid() and relation in ('unforced'::regclass, '${TABLE}'::regclass)) as locks`,
  });
  await project.succeed();
  expect(await db.query('select * from left_behind')).toMatchObject([
    { read_only: 'off', role: 'app_owner', locks: 0 },
  ]);
});
