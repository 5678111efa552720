/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, type TestDatabase, withDatabase } from '../support/database.ts';
import { test as anyTest, withdrawReader } from '../tenancy/database.ts';
import { makeProject, type Project, states } from './project.ts';

const MEMBER = '"team % ""member"';
const OWN = "nullif(current_setting('app.current_tenant_id', true), '')::uuid";
const LOOKED = `tenant_id in (select m.tenant_id from ${MEMBER} m where m.user_id = (select uid()))`;

/** Two tenants with a member each; policies that look them up themselves, by functions, by a view and by an operator. */
const SCHEMA = `
  alter default privileges revoke select on tables from app_reader;
  grant usage on schema public to anon, authenticated;
  create table tenant (id uuid primary key);
  insert into tenant values ('aaaaaaaa-0000-4000-8000-00000000000a'), ('bbbbbbbb-0000-4000-8000-00000000000b');
  create function uid() returns uuid language sql stable
    as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  create table ${MEMBER} (
    tenant_id uuid not null references tenant, user_id uuid not null, primary key (tenant_id, user_id));
  insert into ${MEMBER} select id, gen_random_uuid() from tenant;
  alter table ${MEMBER} enable row level security;
  create policy everybody on ${MEMBER} for select using (true);
  grant select on ${MEMBER} to authenticated;
  create view "joi%ned" as select tenant_id from ${MEMBER} where user_id = uid();
  create function by_view() returns setof uuid language sql stable security definer set search_path = public
    as 'select tenant_id from "joi%ned"';
  create function is_mine(uuid) returns boolean language sql stable security definer set search_path = public
    as $$ select exists (select from ${MEMBER} where tenant_id = $1 and user_id = uid()) $$;
  create function same(uuid, uuid) returns boolean language sql stable as 'select $1 = $2';
  create operator === (leftarg = uuid, rightarg = uuid, function = same);

  create table looked (id int primary key, tenant_id uuid not null references tenant);
  insert into looked select row_number() over (), id from tenant;
  create table called (id int, tenant_id uuid not null references tenant);
  create table viewed (id int, tenant_id uuid not null references tenant);
  create table alike (id int, tenant_id uuid not null references tenant);
  create table "its item" (id int, looked int references looked);
  do $$ declare name text; begin
    foreach name in array array['looked', 'called', 'viewed', 'alike', 'its item'] loop
      execute format('alter table %I enable row level security', name);
      execute format('grant select, insert, update, delete on %I to authenticated', name);
    end loop;
  end $$;
  create policy "m's" on looked using (${LOOKED});
  create policy "m's" on called using (is_mine(tenant_id));
  create policy "m's" on viewed using (tenant_id in (select by_view()));
  create policy "m's" on alike using (tenant_id === ${OWN});
  create policy "m's" on "its item" using (exists (select from looked l where l.id = looked));
`;

interface Looking {
  readonly db: TestDatabase;
  readonly project: Project;
}

const FILES = { '001_looking.sql': SCHEMA };

const test = anyTest.extend<{ template: TestDatabase; looking: Looking }>({
  template: [
    async ({ maintenance }, use) =>
      withDatabase(maintenance, undefined, async (db) => {
        await (await makeProject(db, FILES)).succeed();
        await use(db);
      }),
    { scope: 'file' },
  ],
  looking: async ({ maintenance, template }, use) =>
    withDatabase(maintenance, template.name, async (db) => {
      await withdrawReader(db);
      await use({ db, project: await makeProject(db, FILES) });
    }),
});

async function change({ project }: Looking, files: Readonly<Record<string, string>>) {
  await project.write(files);
  const result = await project.migrate();
  const findings: { object: string; severity: string; message: string }[] = result
    .json()
    .findings.filter(({ check }: { readonly check: string }) => check === 'gate');
  return { result, findings };
}

describe('a file that opens rows of other tenants to members of one is refused:', () => {
  test.for<[what: string, object: string, sql: string]>([
    [
      'whoever is a member anywhere',
      'public.looked',
      `alter policy "m's" on looked using (exists (select from ${MEMBER} m where m.user_id = uid() and m.tenant_id = tenant_id))`,
    ],
    [
      'the user is no longer looked at',
      'public.looked',
      `alter policy "m's" on looked using (tenant_id in (select m.tenant_id from ${MEMBER} m))`,
    ],
    [
      'a policy beside the others',
      'public.viewed',
      `create policy more on viewed for select to authenticated using (exists (select by_view()))`,
    ],
    [
      'a function that policies call',
      'public.called',
      `create or replace function is_mine(uuid) returns boolean language sql stable security definer set search_path = public
         as $$ select exists (select from ${MEMBER} where user_id = uid()) $$`,
    ],
    [
      'a view that a function reads which policies call',
      'public.viewed',
      `create or replace view "joi%ned" as select tenant_id from ${MEMBER} where exists (select from ${MEMBER} where user_id = uid())`,
    ],
    [
      'another view in the place of that one',
      'public.viewed',
      `drop view "joi%ned"; create view "joi%ned" as select id as tenant_id from tenant`,
    ],
    [
      'a view in the place of a table that a function reads which policies call',
      'public.called',
      `alter table ${MEMBER} rename to old;
       create view ${MEMBER} as select t.id as tenant_id, m.user_id from tenant t cross join old m`,
    ],
    [
      'the rule of that view',
      'public.viewed',
      `create or replace rule "_RETURN" as on select to "joi%ned" do instead select tenant_id from ${MEMBER}`,
    ],
    [
      'the function of an operator that policies use',
      'public.alike',
      `create or replace function same(uuid, uuid) returns boolean language sql stable as 'select $1 is not null'`,
    ],
    [
      'a table whose rows belong to the tenant of the row that they refer to',
      'public."its item"',
      `alter policy "m's" on "its item" using (exists (select from looked l where l.id = l.id))`,
    ],
  ])('%s', async ([, object, sql], { looking }) => {
    const { result, findings } = await change(looking, { '005_change.sql': sql });
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([{ object, severity: 'critical' }]);
    expect(states(result)['005_change.sql']).toBe('failed');
  });

  test('behind others, and one that commits as it goes', async ({ looking }) => {
    const stricter = (id: number) => `alter policy "m's" on looked using (${LOOKED} and id + 0 <> ${id})`;
    const { result, findings } = await change(looking, {
      '002_asked.sql': stricter(2),
      '003_asked.sql': stricter(3),
      '004_steps.sql': `create index concurrently i on looked (tenant_id);
        create or replace view "joi%ned" as select tenant_id from ${MEMBER}`,
    });
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toContainEqual(expect.objectContaining({ object: 'public.viewed', severity: 'critical' }));
    expect(states(result)).toMatchObject({ '003_asked.sql': 'applied', '004_steps.sql': 'applied' });
  });
});

describe('what policies opened before a file that commits as it goes is nothing new:', () => {
  const OPEN = {
    '002_open.sql': `create function "op%en"() returns boolean language sql stable as 'select true';
      create table leaking (id int, tenant_id uuid not null); grant select on leaking to authenticated;
      alter table leaking enable row level security; create policy "m's" on leaking using ("op%en"());
      create function inner_change() returns void language plpgsql as $f$ begin
        execute 'create or replace function "op%en"() returns boolean language sql stable as ''select 1 = 1''';
      end $f$;
      create function "by %""call"() returns void language plpgsql as 'begin perform inner_change(); end';
      create function on_row() returns trigger language plpgsql as 'begin perform inner_change(); return new; end';
      create table "wri%tten" (id int);
      create trigger t after insert on "wri%tten" for each row execute function on_row()`,
  };

  test.for<[what: string, sql: string]>([
    [
      'a function that policies call',
      `create or replace function "op%en"() returns boolean language sql stable as 'select 1 = 1'`,
    ],
    [
      'a view that policies look into',
      `create or replace view "joi%ned" as select tenant_id from ${MEMBER} where user_id = uid()`,
    ],
    ['a function, by another one that the file calls', `select "by %""call"()`],
    ['a function, by a trigger', 'insert into "wri%tten" values (1)'],
    ['the policy', `alter policy "m's" on leaking using ("op%en"() or id = 4)`],
  ])('%s', async ([, sql], { looking }) => {
    await looking.project.write({ ...OPEN, 'aisha-db.config.json': '{"gate": "off"}' });
    await looking.project.succeed();
    await looking.project.write({ 'aisha-db.config.json': '{}' });
    const { result, findings } = await change(looking, {
      '005_steps.sql': `create index concurrently i on looked (tenant_id); ${sql}`,
    });
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });
});

describe('a file that members see no more with is applied:', () => {
  test.for<[what: string, sql: string]>([
    [
      'the same in other words',
      `alter policy "m's" on looked using (
         exists (select from ${MEMBER} m where m.user_id = (select uid()) and m.tenant_id = looked.tenant_id));
       alter policy "m's" on called using (tenant_id in (select by_view()))`,
    ],
    [
      'functions and views that say the same',
      `create or replace view "joi%ned" as select m.tenant_id from ${MEMBER} m where uid() = m.user_id;
       create or replace function same(uuid, uuid) returns boolean language sql stable as 'select $2 = $1';
       create view other as select 1 as one`,
    ],
    [
      'a view in the place of a table that shows the same',
      `alter table ${MEMBER} rename to old; create view ${MEMBER} as select user_id, tenant_id from old`,
    ],
    ['a table by its keys', `alter policy "m's" on "its item" using (looked in (select id from looked))`],
  ])('%s', async ([, sql], { looking }) => {
    const { result, findings } = await change(looking, { '005_change.sql': sql });
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });
});

test('where nobody is a member of one tenant only, the report says that nothing was found out', async ({ looking }) => {
  await looking.db.superQuery(`delete from ${MEMBER}`);
  const { result, findings } = await change(looking, {
    '005_change.sql': `alter policy "m's" on looked using (exists (select from ${MEMBER}))`,
  });
  expect(result.code, result.stderr).toBe(0);
  expect(findings).toMatchObject([
    {
      object: 'public.looked',
      severity: 'warning',
      message: expect.stringContaining('no user was found in public."team % ""member" who is in one tenant'),
    },
  ]);
});
