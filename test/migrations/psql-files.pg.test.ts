/** @module-tag since-13 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { findPgDump } from '../support/pg-dump.ts';
import { makeProject, states, tables } from './project.ts';

const PG_DUMP = findPgDump();

const lines = (...text: string[]) => `${text.join('\n')}\n`;

describe('COPY ... FROM STDIN with its data in the file', () => {
  test('several of them, between other statements, each with its own rows', async ({ db }) => {
    const project = await makeProject(db, {
      '001_copy.sql': lines(
        'create table a (id int, t text); create table b (t text);',
        'COPY a (id, t) FROM stdin;',
        '1\tone',
        '2\t\\N',
        '\\.',
        "insert into a values (3, 'three');",
        'copy b from STDIN with (format csv, header);',
        't',
        '"x, y"',
        '\\.',
        'copy a from stdin;',
        '\\.',
        'update a set id = id * 10;',
      ),
    });
    await project.succeed();
    expect(await db.query('select id, t from a order by id')).toEqual([
      { id: 10, t: 'one' },
      { id: 20, t: null },
      { id: 30, t: 'three' },
    ]);
    expect(await db.query('select t from b')).toEqual([{ t: 'x, y' }]);
  });

  test('in a file with CRLF and a byte order mark, and behind them SQL', async ({ db }) => {
    const project = await makeProject(db, {
      '001_copy.sql':
        '\ufeffcreate table a (id int, t text);\r\ncopy a from stdin;\r\n1\tone\r\n\\.\r\ncreate table b ();\r\n',
    });
    await project.succeed();
    expect(await db.query('select id, t from a')).toEqual([{ id: 1, t: 'one' }]);
    expect(await tables(db)).toEqual(['a', 'b']);
  });

  test('rows that look like SQL, like commands or like the end arrive as they are', async ({ db }) => {
    const rows = [
      "'; drop table a; --",
      '$$ unclosed',
      '/* unclosed',
      '\\\\i /etc/passwd',
      '\\\\. not the end',
      '"',
      ':variable',
      '-- no comment',
      'begin; commit;',
      'Größe 📏',
      'a\\tb',
      '',
    ];
    const project = await makeProject(db, {
      '001_copy.sql': lines(
        'create table a (n int generated always as identity, t text);',
        'copy a (t) from stdin;',
        ...rows,
        '\\.',
        'select 1;',
      ),
    });
    await project.succeed();
    const stored = await db.query<{ t: string }>('select t from a order by n');
    expect(stored.map((row) => row.t)).toEqual(rows.map((row) => row.replaceAll('\\\\', '\\').replace('\\t', '\t')));
  });

  test('two megabytes of rows, in a file that is sent in several messages', async ({ db }) => {
    const row = (i: number) => `${i}\t${'x'.repeat(90)}`;
    const copy = (from: number) => [
      'copy a from stdin;',
      ...Array.from({ length: 10_000 }, (_, i) => row(from + i)),
      '\\.',
    ];
    const inserts = Array.from({ length: 4_000 }, (_, i) => `insert into b values (${i}, '${'y'.repeat(60)}');`);
    const project = await makeProject(db, {
      '001_copy.sql': lines(
        'create table a (id int primary key, t text); create table b (id int, t text);',
        ...copy(0),
        ...inserts,
        ...copy(10_000),
        'create table c as select count(*)::int as n from a;',
      ),
    });
    await project.succeed();
    expect(await db.query('select n from c')).toEqual([{ n: 20_000 }]);
    expect(await db.query('select count(*)::int as n, sum(length(t))::int as l from a')).toEqual([
      { n: 20_000, l: 1_800_000 },
    ]);
    expect(await db.query('select count(*)::int as n from b')).toEqual([{ n: 4_000 }]);
  });

  test('a row that does not fit: nothing remains, and the row is named', async ({ db }) => {
    const project = await makeProject(db, {
      '001_copy.sql': lines('create table a (id int);', '', 'copy a from stdin;', '1', 'two', '3', '\\.', 'select 1;'),
      '002_after.sql': 'create table b (id int);',
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    const { error } = result.json();
    expect(error.message).toBe('001_copy.sql: invalid input syntax for type integer: "two" at 001_copy.sql:3:1');
    expect(error.details).toContain('context: COPY a, line 2, column id: "two"');
    expect(await tables(db)).toEqual([]);
  });

  test('beside a statement that cannot run in a transaction it is refused before anything runs', async ({ db }) => {
    const project = await makeProject(db, {
      '001_mixed.sql': lines(
        'create table a (id int);',
        'copy a from stdin;',
        '1',
        '\\.',
        'create index concurrently on a (id);',
      ),
    });
    const result = await project.migrate();
    expect(result.code).toBe(4);
    expect(result.json().error.details.join('\n')).toContain('001_mixed.sql:5:1: ');
    expect(await tables(db)).toEqual([]);
  });
});

describe('a dump', () => {
  const SCHEMA = `
    create type mood as enum ('sad', 'o''k', 'glad');
    create table people (id bigint generated always as identity primary key, name text not null unique, mood mood default 'glad');
    create table notes (id serial primary key, person bigint references people on delete cascade, body text, at timestamptz default now());
    create index notes_body on notes using hash (body);
    create function shout(t text) returns text language plpgsql as $fn$ begin return upper(t) || ';' || '\\.'; end $fn$;
    create function add(a int, b int) returns int language sql begin atomic select case when a > 0 then a + b else b end; end;
    create view loud as select id, shout(name) from people;
    create materialized view counted as select count(*) from people;
    create function touch() returns trigger language plpgsql as $$ begin new.at = now(); return new; end $$;
    create trigger touched before update on notes for each row execute function touch();
    create rule keep as on delete to notes do instead (select 1; select 2);
    alter table people enable row level security;
    create policy "own; rows" on people for select to anon using (name = current_user);
    create table parted (id int, k int) partition by list (k);
    create table parted_1 partition of parted for values in (1);
    insert into people (name) values ('Ada'), (E'tab\\there'), (E'back\\\\slash'), ('; drop table people; --'), ('日本'), (E'new\\nline');
    insert into notes (person, body) values (1, null), (2, ''), (3, '\\.'), (4, E'\\\\.');
    insert into parted values (1, 1);
    comment on table people is 'it''s -- people; really';
    grant select on people to anon;`;

  test.skipIf(PG_DUMP === undefined)(
    'made by pg_dump is applied as it is (pg_dump)',
    {
      tags: ['since-14'],
    },
    async ({ db, maintenance }) => {
      const other = `${db.name}_copy`;
      await maintenance.query(`create database ${other} owner app_owner`);
      try {
        await db.query(SCHEMA);
        const dump = async (url: string) => {
          const args = ['--dbname', url, '--exclude-schema', 'aisha_db'];
          const { stdout } = await promisify(execFile)(PG_DUMP!, args, { maxBuffer: 1e8 });
          return stdout;
        };
        const text = await dump(db.url);
        const url = new URL(db.url);
        url.pathname = `/${other}`;
        const project = await makeProject(db, { '001_baseline.sql': text }, { env: { DATABASE_URL: url.href } });
        const result = await project.succeed();
        expect(states(result)).toEqual({ '001_baseline.sql': 'applied' });
        const withoutKeys = (sql: string) => sql.replaceAll(/^\\(un)?restrict .*$/gm, '');
        expect(withoutKeys(await dump(url.href))).toBe(withoutKeys(text));
      } finally {
        await maintenance.query(`drop database ${other} with (force)`);
      }
    },
  );

  test('with \\restrict and \\unrestrict around it is accepted', async ({ db }) => {
    const project = await makeProject(db, {
      '001_dump.sql': lines('\\restrict abc', 'create table a (id int);', '\\unrestrict abc'),
    });
    await project.succeed();
    expect(await tables(db)).toEqual(['a']);
  });
});

describe("psql's own language", () => {
  test('variables are put in plain, as a literal and as a name', async ({ db }) => {
    const project = await makeProject(db, {
      '001_vars.sql': lines(
        "\\set name 'O''Brien \\\\ sons'",
        '\\set tab My Table',
        '\\set n 7',
        '\\echo applying :n',
        'create table :"tab" (t text, n int, s text[]);',
        `insert into :"tab" values (:'name', :n, array['a:n', 'b']);`,
        `select s[1:2], ':n', n::int from :"tab"; -- :n`,
        '\\unset n',
      ),
    });
    const result = await project.succeed();
    expect(result.stderr).toContain('applying 7');
    expect(await db.query('select * from "MyTable"')).toEqual([{ t: "O'Brien \\ sons", n: 7, s: ['a:n', 'b'] }]);
  });

  test('a value with an error in it is shown at its variable', async ({ db }) => {
    const project = await makeProject(db, {
      '001_vars.sql': lines('\\set tab missing_table', 'create table a (id int);', 'select 1, 2, 3 from   :tab;'),
    });
    expect((await project.migrate()).json().error.message).toContain('at 001_vars.sql:3:23');
  });

  test('files are included from the folder, not from outside and not in a circle', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines('\\i parts/one.sql', 'create table a (id int);'),
      'parts/one.sql': lines('create table one (id int);', '\\ir two.sql'),
      'parts/two.sql': 'create table two (id int);',
      '002_out.sql': lines(
        '\\i ../../../../../../../../etc/passwd',
        '\\i parts/none.sql',
        '\\ir 002_out.sql',
        '\\connect other',
      ),
    });
    const refused = await project.migrate();
    expect(refused.code).toBe(4);
    const details: string = refused.json().error.details.join('\n');
    expect(details).toContain('002_out.sql:1:1: ../../../../../../../../etc/passwd lies outside of the folder');
    expect(details).toContain('002_out.sql:2:1: cannot include parts/none.sql: no such file');
    expect(details).toContain('002_out.sql:3:1: 002_out.sql includes itself');
    expect(details).toContain('002_out.sql:4:1: psql command \\connect cannot be carried out');
    expect(await tables(db)).toEqual([]);
    await project.write({ '002_out.sql': 'select 1;' });
    await project.succeed();
    expect(await tables(db)).toEqual(['a', 'one', 'two']);
  });
});
