/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, type TestDatabase, withDatabase } from '../support/database.ts';
import { test as anyTest, withdrawReader } from '../tenancy/database.ts';
import { makeProject, type Project, states } from './project.ts';

const CHILD = '"Kunden ""%"';
const MINE = "tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid";
const COLUMNS = '(id int not null, tenant_id uuid not null)';

const isolated = (table: string, using = MINE) =>
  `alter table ${table} enable row level security, force row level security; create policy p on ${table} using (${using});`;
const open = (table: string) => `grant select on ${table} to authenticated;`;

/** Tables that could be each other's children and partitions; those that are loose are so from the start. */
const TABLES = `
  alter default privileges revoke select on tables from app_reader;
  grant usage on schema public to anon, authenticated;
  create table ${CHILD} ${COLUMNS}; ${open(CHILD)} ${isolated(CHILD)}
  create table wide ${COLUMNS}; ${open('wide')} ${isolated('wide', 'true')}
  create table bare ${COLUMNS}; ${open('bare')}
  create table closed ${COLUMNS};
  create table loose ${COLUMNS}; ${open('loose')} ${isolated('loose', `${MINE} or id > 7`)}
  create table "as %" ${COLUMNS}; ${open('"as %"')} ${isolated('"as %"', `${MINE} and id <> 3`)}
  create table middle ${COLUMNS};
  create table parts ${COLUMNS} partition by list (id); ${open('parts')}
  create table part partition of parts for values in (1); ${open('part')} ${isolated('part')}
  create table unforced ${COLUMNS}; ${open('unforced')} ${isolated('unforced')}
  alter table unforced no force row level security;
`;

const FILES = { '001_tables.sql': TABLES };

interface Copy {
  readonly db: TestDatabase;
  readonly project: Project;
}

const test = anyTest.extend<{ template: TestDatabase; copy: Copy }>({
  template: [
    async ({ maintenance }, use) =>
      withDatabase(maintenance, undefined, async (db) => {
        const project = await makeProject(db, { ...FILES, 'aisha-db.config.json': '{"gate": "off"}' });
        await project.succeed();
        await use(db);
      }),
    { scope: 'file' },
  ],
  copy: async ({ maintenance, template }, use) =>
    withDatabase(maintenance, template.name, async (db) => {
      await withdrawReader(db);
      await use({ db, project: await makeProject(db, FILES) });
    }),
});

async function change({ project }: Copy, sql: string) {
  await project.write({ '005_change.sql': sql });
  const result = await project.migrate();
  const findings: { check: string }[] = result.json().findings;
  return { result, findings: findings.filter(({ check }) => check === 'gate') };
}

const OPENING: [what: string, sql: string, message: RegExp][] = [
  [
    'the child of one without RLS',
    `alter table ${CHILD} inherit bare`,
    /read through public.bare as well.* no row-level security/,
  ],
  [
    'the child of one whose policies are loose',
    `alter table ${CHILD} inherit loose`,
    /through public.loose .*let anon SELECT a row/,
  ],
  [
    'the partition of one without RLS',
    `alter table parts attach partition ${CHILD} for values in (3)`,
    /through public.parts .* no row-level security/,
  ],
  [
    'the partition of a new one',
    `create table "New %" ${COLUMNS} partition by list (id); ${open('"New %"')} ${isolated('"New %"', 'true')}
     alter table "New %" attach partition ${CHILD} default`,
    /through public."New %" .*is true whatever the row/,
  ],
  [
    'a child of a child',
    `alter table ${CHILD} inherit middle; alter table middle inherit bare`,
    /through public.bare .* no row-level security/,
  ],
  [
    'the child of one for which RLS is not forced',
    `alter table ${CHILD} inherit unforced`,
    /through public.unforced .* is not forced/,
  ],
  [
    'the partition of one, in a block that builds its statement, under settings that stay',
    `set search_path = ''; do $$ begin
       execute format('alter table public.%I inherit public.bare', 'Kunden "%'); end $$;
     prepare mine as select 1`,
    /through public.bare .* no row-level security/,
  ],
  [
    'a child when it is made anew under its name',
    `drop table ${CHILD}; create table ${CHILD} () inherits (bare); ${open(CHILD)} ${isolated(CHILD)}`,
    /through public.bare .* no row-level security/,
  ],
  [
    'the child of one whose policy becomes loose with it',
    `alter table ${CHILD} inherit "as %"; alter policy p on "as %" using (true)`,
    /through public."as %" .*is true whatever the row/,
  ],
];

describe('a file is refused that makes an isolated table', () => {
  test.for(OPENING)('%s', async ([, sql, message], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: 'critical',
        object: `public.${CHILD}`,
        message: expect.stringMatching(message),
      }),
    );
  });

  test('the child of one without RLS, behind files whose policies had to be asked', async ({ copy }) => {
    const asked = (n: number) =>
      `alter policy p on "as %" using (tenant_id = any (array[nullif(current_setting('app.current_tenant_id', true), '')::uuid]) and id <> ${n})`;
    await copy.project.write({ '002_asked.sql': asked(4), '003_asked.sql': asked(5) });
    const { result, findings } = await change(copy, `${asked(6)}; alter table ${CHILD} inherit bare`);
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([{ object: `public.${CHILD}`, severity: 'critical' }]);
  });

  test('the child of one without RLS, statement by statement: it stays, and the run ends with 9', async ({ copy }) => {
    const { result, findings } = await change(
      copy,
      `create index concurrently i on bare (id); alter table ${CHILD} inherit bare`,
    );
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)['005_change.sql']).toBe('applied');
    expect(findings).toMatchObject([{ object: `public.${CHILD}`, severity: 'critical' }]);
  });
});

describe('a file is applied that makes an isolated table', () => {
  test.for([
    ['the child of one that is as isolated', `alter table ${CHILD} inherit "as %"`],
    ['the child of one that the API may not use', `alter table ${CHILD} inherit closed`],
    ['a child no more', `alter table ${CHILD} inherit bare; alter table ${CHILD} no inherit bare`],
    ['a partition no more', 'alter table parts detach partition part'],
    [
      'the partition again that it was',
      'alter table parts detach partition part; alter table parts attach partition part for values in (5)',
    ],
    [
      'the partition that it was when it is made anew',
      `drop table part; create table part partition of parts for values in (1); ${isolated('part')}`,
    ],
    ['the child of one that is as loose', 'alter table wide inherit loose'],
    [
      'one with new partitions and indexes',
      `create table p2 partition of parts for values in (2); ${isolated('p2')} create index on parts (id)`,
    ],
  ] as const)('%s', async ([, sql], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });
});
