/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { makeProject, states, tables } from './project.ts';

describe('one transaction for a file and its ledger row', () => {
  test('files are applied in order and recorded with the role that ran them', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table a (id int);',
      '002_b.sql': 'alter table a add column b int;',
    });
    const result = await project.succeed();
    expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_b.sql': 'applied' });
    expect(await project.ledger()).toMatchObject([
      { file: '001_a.sql', state: 'applied', applied_by: 'app_owner' },
      { file: '002_b.sql', state: 'applied', applied_by: 'app_owner' },
    ]);
  });

  test('of a file that fails nothing remains; earlier files stay, later ones are not run', async ({ db }) => {
    const project = await makeProject(db, {
      '001_good.sql': 'create table good (id int);',
      '002_bad.sql':
        'create table half (id int); insert into half values (1); select 1 / 0; create table more (id int);',
      '003_later.sql': 'create table later (id int);',
      '999_final.sql': 'create table final (id int);',
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(await tables(db)).toEqual(['good']);
    expect((await project.ledger()).map((row) => row.file)).toEqual(['001_good.sql']);
    expect(states(result)).toEqual({
      '001_good.sql': 'applied',
      '002_bad.sql': 'failed',
      '003_later.sql': 'not-run',
      '999_final.sql': 'not-run',
    });
    expect(result.json()).toMatchObject({
      status: 'failed',
      exitCode: 7,
      error: {
        code: 'rolledBack',
        sqlState: '22012',
        message: expect.stringContaining('002_bad.sql: division by zero'),
      },
    });
  });

  test('the next run begins with the file that failed, once it is mended', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'create table a (id int); selec 1;' });
    expect((await project.migrate()).code).toBe(4);
    await project.write({ '001_a.sql': 'create table a (id int); select 1 / 0;' });
    expect((await project.migrate()).code).toBe(7);
    await project.write({ '001_a.sql': 'create table a (id int);', '002_b.sql': 'create table b (id int);' });
    const result = await project.migrate();
    expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_b.sql': 'applied' });
  });

  test("a file's own BEGIN and COMMIT are taken over: its ledger row commits with it or not at all", async ({ db }) => {
    const project = await makeProject(db, {
      '001_own.sql': '-- a comment\nBEGIN;\ncreate table own (id int);\nCOMMIT;\n',
      '002_fails.sql': 'begin;\ncreate table fails (id int);\nselect 1 / 0;\ncommit;',
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(await tables(db)).toEqual(['own']);
    expect((await project.ledger()).map((row) => row.file)).toEqual(['001_own.sql']);
    expect(result.stderr).toContain('002_fails.sql:3:');
    expect(result.stderr).not.toContain('warning:');
  });

  test('where it chooses too late, it is told so', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'select 1; set transaction isolation level serializable;' });
    const { code, stderr } = await project.migrate();
    expect([code, stderr]).toEqual([7, expect.stringContaining('hint: Move it to the beginning of the file')]);
  });

  test('a file may choose its isolation level', async ({ db }) => {
    const show = "insert into seen values (current_setting('transaction_isolation'));";
    const project = await makeProject(db, {
      '001_seen.sql': 'create table seen (level text);',
      '002_begin.sql': `begin isolation level serializable;\n${show}\ncommit;`,
      '003_set.sql': `set transaction isolation level repeatable read;\n${show}`,
      '004_default.sql': show,
    });
    await project.succeed();
    expect(await db.query('select level from seen')).toEqual([
      { level: 'serializable' },
      { level: 'repeatable read' },
      { level: 'read committed' },
    ]);
  });

  test('a file that drops the ledger is rolled back and told why', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table a (id int);',
      '002_wipe.sql': 'create table b (id int);\ndrop schema aisha_db cascade;',
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(await tables(db)).toEqual(['a']);
    expect((await project.ledger()).map((row) => row.file)).toEqual(['001_a.sql']);
    expect(result.json().error).toMatchObject({
      message: expect.stringContaining('002_wipe.sql: its ledger row has no place any more'),
      hint: expect.stringContaining('drops or renames the ledger'),
    });
  });

  test('a file that lets nobody write to the ledger is rolled back and told so', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': 'create table a ()' });
    await project.succeed();
    const tries = [
      ['begin read only; select 1; commit', 'cannot execute INSERT in a read-only transaction'],
      ['revoke insert on aisha_db.migrations from app_owner', 'permission denied for table migrations'],
    ];
    for (const [sql, reason] of tries) {
      await project.write({ '002_b.sql': sql! });
      const { code, stderr } = await project.migrate();
      expect([code, stderr]).toEqual([
        7,
        expect.stringContaining(`002_b.sql: its ledger row cannot be written: ${reason}\n`),
      ]);
    }
  });

  test('a file that ends in ROLLBACK is a test: run by name only, and it leaves nothing', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table a (id int);',
      '002_try.sql': 'begin;\ncreate table tried (id int);\nselect 1 / (select count(*) from a);\nrollback;\n',
    });
    const result = await project.migrate();
    expect(states(result)).toEqual({ '001_a.sql': 'applied', '002_try.sql': 'not-run' });
    const failed = await project.migrate('--only', '002_try.sql');
    expect(failed.code).toBe(7);
    expect(failed.json().error.message).toBe('002_try.sql: division by zero at 002_try.sql:3:1');
    await db.query('insert into a values (1)');
    await project.succeed('--only', '002_try.sql');
    expect(await tables(db)).toEqual(['a']);
    expect((await project.ledger()).map((row) => row.file)).toEqual(['001_a.sql']);
  });

  test('empty and comment-only files are recorded as applied', async ({ db }) => {
    const project = await makeProject(db, { '001_empty.sql': '', '002_comment.sql': '-- nothing yet\n/* at all */' });
    expect(states(await project.migrate())).toEqual({ '001_empty.sql': 'applied', '002_comment.sql': 'applied' });
    expect(await project.ledger()).toHaveLength(2);
  });

  test('a role that may not create the ledger is told so, and nothing is applied', async ({ db }) => {
    const project = await makeProject(
      db,
      { '001_a.sql': 'create table a (id int);' },
      { env: { DATABASE_URL: db.readerUrl } },
    );
    const result = await project.migrate();
    expect(result.code).toBe(3);
    expect(result.json().error.message).toContain('cannot create the ledger aisha_db.migrations');
    expect(await tables(db)).toEqual([]);
  });
});

describe('what is shown of an error', () => {
  const lines = (...text: string[]) => text.join('\n');

  test('with a position: file, line, column, the line with a pointer, SQLSTATE', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines('create table a (id int);', '', 'insert into a', '  values (1, missing);'),
    });
    const { error } = (await project.migrate()).json();
    expect(error.message).toBe('001_a.sql: column "missing" does not exist at 001_a.sql:4:14');
    expect(error.details).toEqual(
      expect.arrayContaining(['4 |   values (1, missing);', '  |              ^', 'SQLSTATE 42703']),
    );
  });

  test('without a position: the statement that did not complete', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines(
        'create table a (id int);',
        'create table b (id int);;',
        '',
        '  create table a (id int);',
        'create table c (id int);',
      ),
    });
    const { error } = (await project.migrate()).json();
    expect(error).toMatchObject({
      message: '001_a.sql: relation "a" already exists at 001_a.sql:4:3',
      sqlState: '42P07',
    });
    expect(error.details).toEqual(expect.arrayContaining(['4 |   create table a (id int);', '  |   ^']));
  });

  test('inside a function: the statement that called it, and the lines of context', async ({ db }) => {
    const project = await makeProject(db, {
      '001_f.sql': lines(
        'create function f(x int) returns int language plpgsql as $$',
        'begin',
        '  return 1 / x;',
        'end $$;',
        'select f(1);',
        'select f(0);',
      ),
    });
    const { error } = (await project.migrate()).json();
    expect(error.message).toBe('001_f.sql: division by zero at 001_f.sql:6:1');
    expect(error.details).toContainEqual(
      expect.stringMatching(/^context: PL\/pgSQL function f\(integer\) line 3 at RETURN/),
    );
  });

  test('in the body of an SQL function: the line in the body', async ({ db }) => {
    const project = await makeProject(db, {
      '001_f.sql': lines(
        'create table a (id int);',
        'create function f() returns int language sql as $$',
        '  select nothing from a',
        '$$;',
      ),
    });
    expect((await project.migrate()).json().error.message).toContain(
      'column "nothing" does not exist at 001_f.sql:3:10',
    );
  });

  test('a deferred constraint that fails at the end: no false place, and what it is about', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines(
        'create table p (id int primary key);',
        'create table c (p int references p deferrable initially deferred);',
        'insert into c values (42);',
        'select 1;',
      ),
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    const { error } = result.json();
    expect(error.message).toBe('001_a.sql: insert or update on table "c" violates foreign key constraint "c_p_fkey"');
    expect(error.details).toEqual(['SQLSTATE 23503', 'detail: Key (p)=(42) is not present in table "p".']);
    expect(await tables(db)).toEqual([]);
  });

  test('characters of several bytes before the error do not shift the place', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines('-- Größe 📏 日本語', "select 'żółć 📏', missing;"),
    });
    expect((await project.migrate()).json().error.message).toContain('at 001_a.sql:2:18');
  });

  test('CRLF and a byte order mark do not shift the place', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': '\ufeffcreate table a (id int);\r\n\r\nselect 1;\r\nselect missing;\r\n',
    });
    const { error } = (await project.migrate()).json();
    expect(error.message).toContain('at 001_a.sql:4:8');
    expect(error.details).toEqual(expect.arrayContaining(['4 | select missing;']));
  });

  test('in an included file: its own name and line', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines('create table a (id int);', '\\ir parts/b.sql', 'select 1;'),
      'parts/b.sql': lines('create table b (id int);', 'create table c (id int);', 'select missing from c;'),
      '002_a.sql': lines('\\ir parts/d.sql'),
      'parts/d.sql': lines('select 1;', 'create table a (id int);'),
    });
    const first = (await project.migrate()).json();
    expect(first.error.message).toBe('001_a.sql: column "missing" does not exist at parts/b.sql:3:8');
    await project.write({ 'parts/b.sql': 'create table b (id int);' });
    const second = (await project.migrate()).json();
    expect(second.error.message).toBe('002_a.sql: relation "a" already exists at parts/d.sql:2:1');
  });

  test('in the last of several messages of a big file, with and without a position', async ({ db }) => {
    const filler = Array.from({ length: 9_000 }, (_, i) => `insert into a values (${i}, '${'é'.repeat(20)}');`);
    const files = (last: string) => ({
      '001_big.sql': lines('create table a (id int, t text);', ...filler, last, 'select 1;'),
    });
    const project = await makeProject(db, files('  select missing;'));
    const withPosition = await project.migrate();
    expect(withPosition.json().error.message).toContain('column "missing" does not exist at 001_big.sql:9002:10');
    await project.write(files('  create table a (id int);'));
    const without = await project.migrate();
    expect(without.json().error.message).toContain('relation "a" already exists at 001_big.sql:9002:3');
    expect(without.code).toBe(7);
    expect(await tables(db)).toEqual([]);
  });

  test('a syntax error is found before anything is applied', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': 'create table a (id int);',
      '002_b.sql': lines('create table b (id int);', 'creat table c (id int);'),
      '003_c.sql': lines('-- ok', 'select from where;'),
    });
    const result = await project.migrate();
    expect(result.code).toBe(4);
    expect(result.json().error.details.join('\n')).toMatch(/002_b\.sql:2:1: [\s\S]*003_c\.sql:2:13: /);
    expect(await tables(db)).toEqual([]);
  });

  test('what a hidden statement needs is said: it cannot run in a transaction', { tags: ['since-14'] }, async ({
    db,
  }) => {
    await db.query('create table parted (id int) partition by range (id)');
    await db.query('create procedure work() language plpgsql as $$ begin commit; end $$');
    const project = await makeProject(db, { '001_r.sql': 'select 1;\nreindex table parted;' });
    const reindex = (await project.migrate()).json().error;
    expect(reindex).toMatchObject({ sqlState: '25001', hint: expect.stringContaining('-- Transaction: none') });
    await project.write({ '001_r.sql': 'call work();' });
    const call = (await project.migrate()).json().error;
    expect(call).toMatchObject({ sqlState: '2D000', hint: expect.stringContaining('-- Transaction: none') });
  });

  test('a new enumeration label that is used at once is warned of, and the error says what to do', async ({ db }) => {
    await db.query("create type mood as enum ('sad')");
    const project = await makeProject(db, {
      '001_a.sql': lines("alter type mood add value 'glad';", "create table m (x mood default 'glad');"),
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(result.json().error).toMatchObject({ sqlState: '55P04', hint: expect.stringContaining('next file') });
    expect(result.json().findings).toContainEqual(expect.objectContaining({ check: 'enum-label' }));
  });
});

describe('notices', () => {
  const sql = "do $$ begin raise notice 'three rows are odd'; raise warning 'and one is gone'; end $$;";

  test('are shown on stderr, warnings too', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': sql });
    const { stderr } = await project.migrate();
    expect(stderr).toContain('notice: three rows are odd');
    expect(stderr).toContain('warning: and one is gone');
  });

  test('with --quiet only warnings are', async ({ db }) => {
    const project = await makeProject(db, { '001_a.sql': sql });
    const { stderr } = await project.migrate('--quiet');
    expect(stderr).not.toContain('three rows');
    expect(stderr).toContain('warning: and one is gone');
  });
});
