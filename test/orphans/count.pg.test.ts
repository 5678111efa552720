/** @module-tag since-13 */
import { describe } from 'vitest';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

/** Names that break careless quoting. */
const HOSTILE = `
  create schema "S'ch%ema";
  create table "S'ch%ema"."Acc""ount </script>" ("I d" bigint primary key);
  create table "S'ch%ema"."Kind; drop table x" (
    id int primary key,
    "acc ünt$1" bigint
  );
  insert into "S'ch%ema"."Kind; drop table x" values (1, 404), (2, null), (3, 7);
  insert into "S'ch%ema"."Acc""ount </script>" values (7);
  alter table "S'ch%ema"."Kind; drop table x" add constraint "fk ""quoted"""
    foreign key ("acc ünt$1") references "S'ch%ema"."Acc""ount </script>" not valid;
`;

const HOSTILE_NAME = `"S'ch%ema"."Kind; drop table x"(acc ünt$1) -> "S'ch%ema"."Acc""ount </script>"(I d)`;

describe('relations of the catalog', () => {
  test('orphans behind a key that is not valid are counted, whatever tables are called', async ({ db }) => {
    await db.query(HOSTILE);
    const report = await orphans(db);
    expect(report).toMatchObject({ status: 'findings', exitCode: 1 });
    expect(report.findings).toMatchObject([
      {
        check: 'orphaned-rows',
        severity: 'warning',
        object: HOSTILE_NAME,
        metric: 1,
        message: expect.stringContaining('is not valid'),
        details: { sampleColumns: ['id', 'acc ünt$1'], sample: [['1', '404']] },
      },
    ]);
    const { findings } = await orphans(db, HOSTILE_NAME);
    expect(findings).toHaveLength(1);
    // What is given to look at the rows runs as it is.
    expect(await db.query(report.findings[0].details.list)).toMatchObject([{ id: 1 }]);
  });

  test('orphans behind a valid key are critical: a dump could not be restored', async ({ db }) => {
    await db.query(`
      create table accounts (id int primary key);
      create table contacts (id int primary key, account_id int references accounts);
      insert into accounts values (1), (2);
      insert into contacts values (1, 1), (2, 2), (3, null)`);
    await db.superQuery('set session_replication_role = replica; delete from accounts where id = 2; reset all');
    const { findings } = await orphans(db);
    expect(findings).toMatchObject([
      { severity: 'critical', object: 'public.contacts(account_id) -> public.accounts(id)', metric: 1 },
    ]);
  });

  test('a NULL in a composite key is judged by its MATCH, and partitions are read as one table', async ({ db }) => {
    const key = (match: string) =>
      `foreign key (tenant_id, account_id) references accounts (tenant_id, id) match ${match} not valid`;
    await db.query(`
      create table accounts (tenant_id int, id int, primary key (tenant_id, id));
      create table simple_notes (id int, tenant_id int, account_id int);
      create table full_notes (id int, tenant_id int, account_id int);
      create table parted (id int, tenant_id int, account_id int) partition by list (tenant_id);
      create table parted_1 partition of parted for values in (1);
      create table parted_rest partition of parted default;
      insert into accounts values (1, 1);
      insert into simple_notes values (1, 1, 1), (2, 1, null), (3, null, 1), (4, null, null), (5, 2, 1);
      insert into full_notes select * from simple_notes;
      insert into parted select * from simple_notes;
      alter table simple_notes add ${key('simple')};
      alter table full_notes add ${key('full')}`);
    const added = {
      table: 'public.parted',
      columns: ['tenant_id', 'account_id'],
      parent: 'public.accounts',
    };
    const report = await orphans(db, { add: [added] });
    expect(countsOf(report)).toEqual({
      'public.simple_notes(tenant_id, account_id) -> public.accounts(tenant_id, id)': 1,
      'public.full_notes(tenant_id, account_id) -> public.accounts(tenant_id, id)': 3,
      'public.parted(tenant_id, account_id) -> public.accounts(tenant_id, id)': 1,
    });
  });

  test('collations that differ, domains and types that only their family compares do not disturb', async ({ db }) => {
    await db.query(`
      create domain slug as text;
      create table tags (id varchar(20) collate "C" primary key);
      create table posts (id int primary key, tag_id slug collate "POSIX");
      create table sizes (id bigint primary key);
      create table shirts (id int primary key, size_id smallint);
      insert into tags values ('a');
      insert into posts values (1, 'a'), (2, 'b');
      insert into sizes values (1);
      insert into shirts values (1, 1), (2, 2), (3, 3)`);
    expect(countsOf(await orphans(db))).toEqual({
      'public.posts(tag_id) -> public.tags(id)': 1,
      'public.shirts(size_id) -> public.sizes(id)': 2,
    });
  });
});

describe('relations by convention', () => {
  const SCHEMA = `
    create table tenant (id uuid primary key);
    create table companies (id int primary key, tenant_id uuid, parent_id int);
    create table "People" ("personId" int primary key, "companyId" int, unknown_id int, tenant_id text);
    create table activities (id int primary key, related_id int, related_type text);
    -- What kind of row it is, and no table.
    create table log (id int primary key, entry_id int, entry_type text);
    insert into log values (1, 5, 'message');
    insert into tenant values ('00000000-0000-0000-0000-000000000001');
    insert into companies values
      (1, '00000000-0000-0000-0000-000000000001', null), (2, '00000000-0000-0000-0000-000000000002', 99);
    insert into "People" values (1, 1, 5, 'x'), (2, 3, 5, 'x');
    insert into activities values (1, 1, 'company'), (2, 7, 'Companies'), (3, 7, 'alien'), (4, 8, null), (5, null, 'company')`;

  test('are found by the names of columns, also where another column says which table is meant', async ({ db }) => {
    await db.query(SCHEMA);
    const report = await orphans(db);
    expect(countsOf(report)).toEqual({
      'public.companies(tenant_id) -> public.tenant(id)': 1,
      'public.companies(parent_id) -> public.companies(id)': 1,
      'public."People"(companyId) -> public.companies(id)': 1,
      "public.activities(related_id) where related_type = 'Companies' -> public.companies(id)": 1,
      "public.activities(related_id) where related_type = 'company' -> public.companies(id)": 0,
    });
    expect(unknowns(report)).toEqual({
      'public."People"(tenant_id)': expect.stringContaining('text, and the key of public.tenant is uuid'),
      "public.activities(related_id) where related_type = 'alien'": expect.stringContaining('names no table'),
    });
  });

  test('are added and excluded by the configuration, the excluded with their reason', async ({ db }) => {
    await db.query(SCHEMA);
    const orphansSettings = {
      add: [
        { table: 'public."People"', columns: ['unknown_id'], parent: 'public.companies' },
        {
          table: 'public.activities',
          columns: ['related_id'],
          parent: 'public."People"',
          when: { column: 'related_type', value: 'alien' },
        },
      ],
      exclude: [
        { relation: 'public."People"(tenant_id)', reason: 'holds slugs until 052' },
        { relation: '* -> public.tenant(id)', reason: 'checked elsewhere' },
      ],
    };
    const report = await orphans(db, orphansSettings);
    expect(countsOf(report)).toMatchObject({
      'public."People"(unknown_id) -> public.companies(id)': 2,
      'public.activities(related_id) where related_type = \'alien\' -> public."People"(personId)': 1,
    });
    expect(unknowns(report)).toEqual({});
    expect(report.data.excluded).toEqual([
      { name: 'public.companies(tenant_id) -> public.tenant(id)', reason: 'checked elsewhere' },
      { name: 'public."People"(tenant_id)', reason: 'holds slugs until 052' },
    ]);
  });

  test('a relation that the configuration adds and the database lacks ends with 2, all of them at once', async ({
    db,
  }) => {
    await db.query(SCHEMA);
    const report = await orphans(db, {
      add: [
        { table: 'public.activitys', columns: ['related_id'], parent: 'public.companies' },
        { table: 'public.activities', columns: ['no'], parent: 'public.companies' },
        { table: 'public."People"', columns: ['tenant_id'], parent: 'public.tenant' },
      ],
    });
    expect(report).toMatchObject({ exitCode: 2, error: { code: 'usage' } });
    expect(report.error.details).toEqual([
      'orphans.add.0: there is no table public.activitys, did you mean public.activities?',
      'orphans.add.1: public.activities has no column "no"',
      'orphans.add.2: tenant_id is text and id is uuid',
    ]);
  });

  test('names choose what is looked at; one that means nothing ends with 2', async ({ db }) => {
    await db.query(SCHEMA);
    for (const name of ['companies.tenant_id', 'public.companies(tenant_id)', '*(tenant_id) -> public.tenant(id)']) {
      expect(countsOf(await orphans(db, name))).toEqual({ 'public.companies(tenant_id) -> public.tenant(id)': 1 });
    }
    expect(await orphans(db, 'compnies')).toMatchObject({
      exitCode: 2,
      error: { message: 'no relation of "compnies"', hint: expect.stringContaining('Did you mean companies?') },
    });
  });

  test('--list reads no table and tells how each relation is known', async ({ db }) => {
    await db.query(SCHEMA);
    const project = await makeProject({}, { env: db.env });
    const { stdout, code } = await project.run('orphans', 'companies', '--list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/public\.companies\(tenant_id\)\s+public\.tenant\(id\)\s+convention/);
  });
});

describe('what cannot be counted is unknown', () => {
  const SCHEMA = `
    create table accounts (id int primary key);
    create table contacts (id int primary key, account_id int);
    create table notes (id int primary key, contact_id int);
    insert into contacts values (1, 404)`;
  const CONTACTS = 'public.contacts(account_id) -> public.accounts(id)';
  const NOTES = 'public.notes(contact_id) -> public.contacts(id)';

  test('a locked table, while the others are counted', async ({ db }) => {
    await db.query(SCHEMA);
    const holder = await db.connect();
    await holder.query('begin; lock table notes');
    const report = await orphans(db);
    expect(countsOf(report)).toEqual({ [CONTACTS]: 1, [NOTES]: null });
    expect(unknowns(report)).toEqual({ [NOTES]: expect.stringContaining('for a lock that another session holds') });
  });

  test('a table that the role may not read, with the grant; a column is enough', async ({ db }) => {
    await db.query(SCHEMA);
    await db.superQuery(`
      alter table accounts owner to ${await superuser(db)};
      revoke all on accounts from app_owner;
      create schema hidden;
      create table hidden.parents (id int primary key);
      alter table notes add parent_key int references hidden.parents`);
    const report = await orphans(db);
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        status: 'unknown',
        remediation: 'grant select ("id") on "public"."accounts" to "app_owner";',
      }),
    );
    expect(report.checks).toContainEqual(
      expect.objectContaining({ status: 'unknown', remediation: 'grant usage on schema "hidden" to "app_owner";' }),
    );
    for (const { remediation } of report.checks) if (remediation?.startsWith('grant')) await db.superQuery(remediation);
    await db.superQuery('grant select on hidden.parents to app_owner');
    expect(unknowns(await orphans(db))).toEqual({});
  });

  test('rows behind a policy: never counted as if they were not there', async ({ db }) => {
    await db.query(`${SCHEMA};
      insert into accounts values (404);
      alter table accounts enable row level security, force row level security;
      create policy none on accounts using (false)`);
    const report = await orphans(db, 'contacts');
    expect(report).toMatchObject({ exitCode: 1, findings: [] });
    expect(unknowns(report)).toEqual({ [CONTACTS]: expect.stringContaining('row-level security') });
    expect(report.checks).toContainEqual(expect.objectContaining({ remediation: 'alter role "app_owner" bypassrls;' }));
  });

  test('a count that takes too long, with about how many rows there are', async ({ db }) => {
    await db.query(`${SCHEMA};
      insert into notes select n, n from generate_series(1, 50000) n; analyze notes`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('orphans', 'notes', '--relation-timeout', '1ms');
    expect(unknowns(report)).toEqual({ [NOTES]: expect.stringMatching(/took longer than 1 ms \(about 50,000 rows\)/) });
  });
});

test('with no relation at all there is nothing to ask', async ({ db }) => {
  await db.query('create table alone (id int primary key)');
  expect(await orphans(db)).toMatchObject({
    exitCode: 0,
    checks: [{ status: 'not-applicable' }, { id: 'cross-tenant-reference', status: 'not-applicable' }],
  });
});

describe('rows that refer to a row of another tenant', () => {
  const KEY = `"S'ch%ema"."Deal </script>"(acc ünt) -> "S'ch%ema"."Acc""ount"(I d)`;
  const SCHEMA = `
    create schema "S'ch%ema";
    create table "S'ch%ema"."Acc""ount" ("I d" int primary key, tenant_id uuid, unique (tenant_id, "I d"));
    create table "S'ch%ema"."Deal </script>" (
      id int primary key, tenant_id uuid, "acc ünt" int references "S'ch%ema"."Acc""ount", same_id int,
      foreign key (tenant_id, same_id) references "S'ch%ema"."Acc""ount" (tenant_id, "I d"));
    insert into "S'ch%ema"."Acc""ount" values
      (1, '00000000-0000-0000-0000-00000000000a'), (2, '00000000-0000-0000-0000-00000000000b'), (3, null);
    insert into "S'ch%ema"."Deal </script>" values
      (1, '00000000-0000-0000-0000-00000000000a', 1, 1), (2, '00000000-0000-0000-0000-00000000000a', 3, null),
      (3, '00000000-0000-0000-0000-00000000000a', null, null), (4, null, 2, null)`;
  const CROSSED = `insert into "S'ch%ema"."Deal </script>" values (5, '00000000-0000-0000-0000-00000000000a', 2, null)`;

  test('are counted and listed, whatever tables are called; a row without a tenant is not one of them', async ({
    db,
  }) => {
    await db.query(SCHEMA);
    const clean = await orphans(db);
    expect(clean).toMatchObject({ exitCode: 0, findings: [] });
    // A key that holds the tenant leads to no other's rows.
    expect(clean.data.crossings).toEqual([
      { relation: KEY, tenantColumns: ['tenant_id', 'tenant_id'], rows: 0, reason: null },
    ]);
    await db.query(CROSSED);
    const report = await orphans(db);
    expect(report).toMatchObject({ status: 'findings', exitCode: 1 });
    expect(report.findings).toMatchObject([
      {
        check: 'cross-tenant-reference',
        severity: 'critical',
        object: KEY,
        metric: 1,
        message: `1 row refers to a row of "S'ch%ema"."Acc""ount" that belongs to another tenant`,
        details: { sampleColumns: ['id', 'acc ünt'], sample: [['5', '2']] },
      },
    ]);
    expect(await db.query(report.findings[0].details.list)).toMatchObject([{ id: 5 }]);
  });

  test('are unknown where the column of the tenant may not be read', async ({ db }) => {
    await db.query(SCHEMA);
    await db.query(CROSSED);
    await db.superQuery(`
      alter table "S'ch%ema"."Acc""ount" owner to ${await superuser(db)};
      revoke all on "S'ch%ema"."Acc""ount" from app_owner;
      grant select ("I d") on "S'ch%ema"."Acc""ount" to app_owner`);
    const report = await orphans(db);
    expect(report.findings).toEqual([]);
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        id: `cross-tenant-reference/${KEY}`,
        status: 'unknown',
        remediation: `grant select ("tenant_id") on "S'ch%ema"."Acc""ount" to "app_owner";`,
      }),
    );
  });
});

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects to find
type Report = any;

/** The report of a run with these names, or with this block of the configuration. */
async function orphans(db: TestDatabase, ...args: (string | object)[]): Promise<Report> {
  const settings = args.find((arg) => typeof arg === 'object');
  const files = settings === undefined ? {} : { 'aisha-db.config.json': JSON.stringify({ orphans: settings }) };
  const project = await makeProject(files, { env: db.env });
  return project.report('orphans', ...args.filter((arg) => typeof arg === 'string'));
}

function countsOf(report: Report): Record<string, number | null> {
  return Object.fromEntries(report.data.relations.map((one: Report) => [one.relation, one.orphans]));
}

/** Reasons by relation. */
function unknowns(report: Report): Record<string, string> {
  const open = report.checks.filter((check: Report) => check.id.includes('/'));
  return Object.fromEntries(open.map((check: Report) => [check.id.slice('orphaned-rows/'.length), check.reason]));
}

async function superuser(db: TestDatabase): Promise<string> {
  const [row] = await db.superQuery<{ name: string }>('select quote_ident(current_user) as name');
  return row!.name;
}
