/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, type TestDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { change, testOnCopies } from './gate-copies.ts';
import { states } from './project.ts';

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
  create schema "Clo%sed";
  create table "Clo%sed".root ${COLUMNS} partition by list (id); ${open('"Clo%sed".root')}
  create table "Clo%sed".leaf partition of "Clo%sed".root for values in (1); ${isolated('"Clo%sed".leaf')}
  create table years ${COLUMNS} partition by list (id); ${isolated('years')} ${open('years')}
  create table "y ""1" partition of years for values in (1);
  create table y2 partition of years for values in (2); grant insert on y2 to authenticated;
  create table root ${COLUMNS} partition by list (id);
  create table mid partition of root for values in (1, 2) partition by list (id);
  create table "le ""%af" partition of mid for values in (1); ${open('"le ""%af"')} ${isolated('"le ""%af"')}
  create table lax ${COLUMNS}; alter table lax enable row level security, force row level security;
  create policy p on lax using (${MINE} or id > 7); create policy "internal %" on lax to service_role using (true);
  create table under () inherits (lax); ${open('under')} ${isolated('under')}
  create view "roo%t's" as select * from root; create view parents as select * from middle;
  grant select on parents to authenticated;
  create table unforced ${COLUMNS}; ${open('unforced')} ${isolated('unforced')}
  alter table unforced no force row level security;
`;

function superUrl({ url }: TestDatabase): string {
  const { superuser, superPassword } = testServer();
  return Object.assign(new URL(url), { username: superuser, password: superPassword }).href;
}

const FILES = { '001_tables.sql': TABLES };

const test = testOnCopies(FILES);

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

const LEAF = 'public."le ""%af"';
const LET: [what: string, object: string, sql: string, message: RegExp][] = [
  [
    'a table above that has no RLS',
    LEAF,
    'grant select on root to authenticated',
    /^authenticated may use public.root now, through which its rows are read .* no row-level security/,
  ],
  [
    'one column of that, for writing',
    LEAF,
    'grant insert (tenant_id) on root to public',
    /^anon and authenticated may use public.root now/,
  ],
  [
    'the table between, in a block, under settings that stay',
    LEAF,
    `set search_path = ''; do $$ begin execute format('grant delete on public.%I to public', 'mid'); end $$; prepare mine as select 1`,
    /^anon and authenticated may use public.mid now/,
  ],
  [
    'a table above that is as secured as itself, but loose',
    'public.under',
    'grant update on lax to anon',
    /^anon may use public.lax now, .* let anon (SELECT|UPDATE) a row/,
  ],
  [
    'one column of that',
    'public.under',
    'grant select (id) on lax to anon',
    /^anon may use public.lax now, .* let anon SELECT a row/,
  ],
  [
    'a partition that has no RLS',
    'public.years',
    'grant select on "y ""1" to anon',
    /^anon may use public."y ""1" now, .* no row-level security/,
  ],
  [
    'one column of that',
    'public.years',
    'grant select (id) on "y ""1" to anon',
    /^anon may use public."y ""1" now, .* no row-level security/,
  ],
  [
    'a partition that was only written to',
    'public.years',
    'grant select on y2 to authenticated',
    /^authenticated may use public.y2 now, .* no row-level security/,
  ],
  [
    'the schema of a table above',
    '"Clo%sed".leaf',
    'grant usage on schema "Clo%sed" to authenticated',
    /^authenticated may use "Clo%sed".root now, .* no row-level security/,
  ],
  [
    'a table above, in another schema',
    '"Clo%sed".leaf',
    'alter table "Clo%sed".root set schema public',
    /^authenticated may use public.root2? now, .* no row-level security/,
  ],
];

describe('a file is refused that lets API roles use', () => {
  test.for(LET)('%s', async ([, object, sql, message], { copy }) => {
    if (sql.includes('set schema')) await copy.db.query('alter table root rename to elsewhere');
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(findings).toMatchObject([{ severity: 'critical', object, message: expect.stringMatching(message) }]);
  });

  test('a table above, statement by statement: it stays, and the run ends with 9', async ({ copy }) => {
    const { result, findings } = await change(
      copy,
      'create index concurrently i on bare (id); grant select on mid to authenticated',
    );
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([{ object: LEAF, severity: 'critical' }]);
  });

  test('a table above, as its owner or by another role', async ({ copy }) => {
    const superuser = ['--database-url', superUrl(copy.db)];
    await copy.db.superQuery('create role "Grou%p"; grant select on root to "Grou%p"');
    try {
      for (const [sql, role] of [
        ['grant "Grou%p" to authenticated', 'authenticated'],
        ['alter table mid owner to anon', 'anon'],
      ] as const) {
        const { result, findings } = await change(copy, sql, ...superuser);
        expect(result.code, sql + result.stderr).toBe(9);
        expect(findings).toMatchObject([
          {
            object: LEAF,
            severity: 'critical',
            message: expect.stringMatching(`^${role} may use public.(root|mid) now`),
          },
        ]);
      }
    } finally {
      await copy.db.superQuery('drop owned by "Grou%p"; drop role "Grou%p"');
    }
  });
});

describe('a file is refused for a view that shows', () => {
  test.for([
    ['a table whose partitions are isolated', LEAF, `create view v as select * from root; grant select on v to anon`],
    ['it to more', LEAF, `grant select on "roo%t's" to anon`],
    ['another table than before', LEAF, 'create or replace view parents as select * from mid'],
    [
      'an isolated table, which becomes a child of what it shows',
      `public.${CHILD}`,
      `alter table ${CHILD} inherit middle`,
    ],
  ] as const)('%s', async ([, shown, sql], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(findings).toMatchObject([
      { severity: 'critical', message: expect.stringContaining(`every row of ${shown}: it reads`) },
    ]);
  });
});

describe('a file is applied that', () => {
  test.for([
    ['gives rights to a role of no API', 'grant select on root, "y ""1" to service_role'],
    ['gives rights on the isolated ones', 'grant select on "le ""%af", years to anon'],
    ['gives a right on what is loose to whom no policy applies', 'grant select on lax to service_role'],
    ['lets partitions of the same policies be used', `${isolated('"y ""1"')} grant select on "y ""1" to anon`],
    [
      'gives a right on what is loose for others alone',
      'alter policy p on lax to authenticated; grant select on lax to anon',
    ],
    ['gives a right again', 'grant insert on y2 to authenticated; grant select on parts to authenticated'],
    ['takes it back', 'grant select on root to anon; revoke select on root from anon'],
    ['adds a column above', 'alter table root add column more int; alter table lax add column more int'],
    ['isolates what is above first', `${isolated('root')} grant select on root to anon`],
    ['makes a view of whoever asks', 'create view v as select * from root'],
    [
      'rotates partitions',
      `alter table root detach partition mid; alter table root attach partition mid for values in (3, 4);
      create table y3 partition of years for values in (3); ${isolated('y3')}; drop table y2`,
    ],
  ] as const)('%s', async ([, sql], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });
});

describe('where policies could not be asked, the report says what the file did:', () => {
  test.for([
    [
      `alter table ${CHILD} inherit "as %"`,
      `public.${CHILD}`,
      /^005_change.sql made it a partition or child of public."as %", and the policies of public."as %" could not/,
    ],
    [
      'grant select on lax to service_role, authenticated',
      'public.under',
      /^005_change.sql let authenticated use public.lax, through which its rows are read, and the policies of public.lax could not/,
    ],
    [
      `alter policy p on "as %" using (${MINE} or false)`,
      'public."as %"',
      /^005_change.sql changed its policies, and they could not/,
    ],
    [
      'alter table "as %" rename to old; alter table wide rename to "as %"',
      'public."as %"',
      /^005_change.sql put it in the place of another table, and its policies could not/,
    ],
  ] as const)('%s', async ([sql, object, message], { copy }) => {
    await copy.db.superQuery(`grant select on lax, wide, "as %" to app_reader; alter policy p on wide using (${MINE});
      alter policy p on lax to app_reader using (${MINE})`);
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toMatchObject([{ severity: 'warning', object, message: expect.stringMatching(message) }]);
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
