/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect } from '../support/database.ts';
import { change, testOnCopies } from './gate-copies.ts';
import { states } from './project.ts';

const UNFORCED = '"Kunden ""%"';
const RULED = '"Rules ""%s"""';
const MINE = "tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid";
const COLUMNS = '(id int not null, tenant_id uuid not null)';

const isolated = (table: string) =>
  `alter table ${table} enable row level security, force row level security; create policy p on ${table} using (${MINE});`;
const open = (relation: string) => `grant select, insert, update, delete on ${relation} to authenticated;`;

/** One table whose policies do not bind its owner, and what might get a rule that writes there. */
const RELATIONS = `
  alter default privileges revoke select on tables from app_reader;
  grant usage on schema public to anon, authenticated;
  create table ${UNFORCED} ${COLUMNS}; ${open(UNFORCED)} ${isolated(UNFORCED)}
  alter table ${UNFORCED} no force row level security;
  create table forced ${COLUMNS}; ${open('forced')} ${isolated('forced')}
  create table ${RULED} ${COLUMNS}; ${open(RULED)} ${isolated(RULED)}
  create table plain (n int); ${open('plain')}
  create table closed ${COLUMNS}; ${isolated('closed')}
  create rule purge as on delete to closed do also delete from ${UNFORCED} where id = old.id;
  create rule "also %" as on update to closed do also delete from ${UNFORCED} where id = old.id;
  create table half ${COLUMNS}; ${isolated('half')} ${open('half')}
  create rule "o%ff" as on insert to half do also delete from ${UNFORCED} where id = new.id;
  alter table half disable rule "o%ff";
  create table counted (n int);
  create rule counts as on update to half do also insert into counted values (new.id);
  create view shows as select * from forced; ${open('shows')}
  create view inner_view as select * from forced;
  create rule through as on insert to half do also update inner_view set id = new.id where id = 7;
  create table leads (id int); ${open('leads')}
  create rule leads as on insert to leads do also delete from ${UNFORCED} where id = new.id;
`;

const FILES = { '001_relations.sql': RELATIONS };

const test = testOnCopies(FILES);

const PURGES = `do also delete from ${UNFORCED} where id > 0`;

const LEADING: [what: string, object: string, sql: string, command: string][] = [
  ['of a table', `public.${RULED}`, `create rule "p ""%" as on insert to ${RULED} ${PURGES}`, 'INSERT'],
  ['of a table without RLS', 'public.plain', `create rule "p ""%" as on delete to plain ${PURGES}`, 'DELETE'],
  [
    'of a view, as security_invoker as it may be',
    'public.shows',
    `do $$ begin
       if current_setting('server_version_num')::int >= 150000 then alter view shows set (security_invoker = true); end if;
     end $$;
     create rule r as on update to shows do instead update ${UNFORCED} set id = new.id where id = old.id`,
    'UPDATE',
  ],
  [
    'of a table, by what another one does there',
    'public.plain',
    'create rule r as on insert to plain do also insert into leads values (new.n)',
    'INSERT',
  ],
  [
    'that was there, and did something else',
    'public.half',
    `create or replace rule counts as on update to half ${PURGES}`,
    'UPDATE',
  ],
  ['that was switched off', 'public.half', 'alter table half enable rule "o%ff"', 'INSERT'],
  [
    'that was switched off, for replicas as well',
    'public.half',
    'alter table half enable always rule "o%ff"',
    'INSERT',
  ],
  ['of a table that nobody wrote to', 'public.closed', 'grant delete on closed to authenticated', 'DELETE'],
  ['that a column is granted for', 'public.closed', 'grant update (id) on closed to authenticated', 'UPDATE'],
  [
    'that was there, by another table behind the view that it writes to',
    'public.half',
    `create or replace view inner_view as select * from ${UNFORCED}`,
    'INSERT',
  ],
  [
    'that a block makes, under settings that stay',
    'public.plain',
    `set search_path = ''; do $$ begin
       execute format('create rule r as on insert to public.plain do also delete from public.%I', 'Kunden "%'); end $$;
     prepare mine as select 1`,
    'INSERT',
  ],
];

describe('a file is refused for a rule that reaches rows past their policies:', () => {
  test.for(LEADING)('%s', async ([, object, sql, command], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)['005_change.sql']).toBe('failed');
    expect(findings).toMatchObject([
      {
        severity: 'critical',
        object,
        message: expect.stringMatching(
          new RegExp(`every row of public.${UNFORCED} as app_owner.* where authenticated may ${command} here`),
        ),
        remediation: expect.stringMatching(/^drop rule .* on "public"\./),
      },
    ]);
    expect(await copy.db.query(`select from pg_rules where schemaname = 'public'`)).toHaveLength(6);
  });

  test('statement by statement: it stays, and the run ends with 9', async ({ copy }) => {
    const { result, findings } = await change(
      copy,
      'create index concurrently i on plain (n); grant delete on closed to authenticated',
    );
    expect(result.code, result.stderr).toBe(9);
    expect(states(result)['005_change.sql']).toBe('applied');
    expect(findings).toMatchObject([{ object: 'public.closed', severity: 'critical' }]);
  });
});

describe('a file is applied with a rule that leads around nothing:', () => {
  test.for([
    ['it does nothing', `create rule r as on delete to ${RULED} do instead nothing`],
    ['it writes where policies bind its owner', 'create rule r as on insert to plain do also delete from forced'],
    [
      'it writes where nothing is isolated',
      `create rule r as on insert to ${RULED} do also insert into plain values (1)`,
    ],
    ['nobody may set it off', `create rule r as on insert to closed do also delete from ${UNFORCED}`],
    ['it is switched off', `create rule r as on insert to plain ${PURGES}; alter table plain disable rule r`],
    ['it is for replicas alone', 'alter table half enable replica rule "o%ff"'],
    [
      'it led there before',
      `create or replace rule leads as on insert to leads ${PURGES}; grant insert on leads to authenticated`,
    ],
    [
      'it is replaced by one that leads there',
      `drop rule leads on leads; create rule other as on insert to leads ${PURGES}`,
    ],
    ['it is renamed with its table', 'alter rule leads on leads rename to "%"; alter table leads rename to led'],
    [
      'it is of a view that nobody may use',
      `create view closed_view as select * from forced;
       create rule r as on insert to closed_view do instead delete from ${UNFORCED}`,
    ],
    [
      'a table with rules gets a column',
      'alter table half add column more int; alter table closed add column more int',
    ],
  ] as const)('%s', async ([, sql], { copy }) => {
    const { result, findings } = await change(copy, sql);
    expect(result.code, result.stderr).toBe(0);
    expect(findings).toEqual([]);
  });
});
