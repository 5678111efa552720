/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { invalidIndexes, makeProject, states, tables } from './project.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;
const NONE = '-- Transaction: none\n';

describe('what the server refuses in a transaction is run outside of one', () => {
  test('CREATE INDEX CONCURRENTLY among other statements', async ({ db }) => {
    const project = await makeProject(db, {
      '001_mixed.sql': lines(
        'create table a (id int, t text);',
        'insert into a select g, md5(g::text) from generate_series(1, 1000) g;',
        'create index concurrently a_id on a (id);',
        'alter table a add column n int default 7;',
        'create unique index concurrently if not exists a_t on a (t);',
        'create index concurrently on a (n);',
        'alter table a add primary key using index a_t;',
      ),
    });
    const result = await project.succeed();
    expect(result.stderr).toContain('001_mixed.sql: 7 of 7 statements');
    const rows = await db.query("select indexname from pg_indexes where tablename = 'a' order by 1");
    expect(rows.map((row) => row['indexname'])).toEqual(['a_id', 'a_n_idx', 'a_t']);
    expect(await project.ledger()).toMatchObject([{ state: 'applied', statements_done: 7, in_hand: null }]);
  });

  test('VACUUM, REINDEX, CLUSTER, DISCARD ALL, DROP INDEX CONCURRENTLY', { tags: ['since-14'] }, async ({ db }) => {
    await db.query('create table a (id int primary key, t text); create index a_t on a (t); cluster a using a_pkey');
    const project = await makeProject(db, {
      '001_vacuum.sql': 'vacuum (analyze) a;',
      '002_reindex.sql': lines(
        'reindex index concurrently a_t;',
        'reindex (concurrently) table a;',
        'reindex schema public;',
      ),
      '003_cluster.sql': 'cluster;',
      '004_drop.sql': lines('drop index concurrently a_t;', 'drop index concurrently if exists a_t;'),
      '005_discard.sql': lines('discard all;', 'create table after_discard (id int);'),
    });
    await db.superQuery('alter schema public owner to app_owner');
    await project.succeed();
    // Before PostgreSQL 15 the statistics arrive a moment later.
    await expect
      .poll(() => db.query("select last_vacuum is not null as vacuumed from pg_stat_user_tables where relname = 'a'"))
      .toEqual([{ vacuumed: true }]);
    expect(await db.query("select from pg_class where relname = 'a_t'")).toEqual([]);
    expect(await invalidIndexes(db)).toEqual([]);
    expect(await tables(db)).toEqual(['a', 'after_discard']);
  });

  test('a partition is detached CONCURRENTLY', { tags: ['since-14'] }, async ({ db }) => {
    await db.query(
      'create table p (id int) partition by range (id); create table p1 partition of p for values from (1) to (9); create schema "Odd Name"; create table "Odd Name"."P 2" partition of p for values from (9) to (20)',
    );
    const project = await makeProject(db, {
      '001_detach.sql': lines(
        'alter table p detach partition p1 concurrently;',
        'alter table p detach partition "Odd Name"."P 2" concurrently;',
      ),
    });
    await project.succeed();
    expect(await db.query('select from pg_inherits')).toEqual([]);
  });

  test('CREATE DATABASE, and DROP DATABASE', async ({ db }) => {
    const name = `${db.name}_made`;
    const project = await makeProject(db, {
      '001_create.sql': lines(`create database ${name};`, 'create table a (id int);'),
      '002_drop.sql': lines(`drop database ${name};`, `drop database if exists ${name};`),
    });
    await project.succeed('--only', '001_create.sql');
    expect(await db.query('select datname from pg_database where datname = $1', [name])).toHaveLength(1);
    await project.succeed();
    expect(await db.query('select datname from pg_database where datname = $1', [name])).toEqual([]);
  });

  test('an enumeration label is added in such a file and used in the next statement', async ({ db }) => {
    const project = await makeProject(db, {
      '001_mood.sql': "create type mood as enum ('sad');",
      '002_glad.sql': `${NONE}alter type mood add value 'glad';\ncreate table m (x mood default 'glad');\ninsert into m default values;`,
    });
    await project.succeed();
    expect(await db.query('select x from m')).toEqual([{ x: 'glad' }]);
  });

  test('what hides from the syntax tree is run with the header line: REINDEX of a partitioned table, CALL', async ({
    db,
  }) => {
    await db.query(
      `create table parted (id int primary key) partition by range (id); create table part1 partition of parted for values from (0) to (9);
       create table done (i int);
       create procedure work() language plpgsql as $$ begin for i in 1..3 loop insert into done values (i); commit; end loop; end $$`,
    );
    const project = await makeProject(db, {
      '001_hidden.sql': `${NONE}create table before (id int);\nreindex table parted;\ncall work();\ndo $$ begin call work(); end $$;\ncreate table after (id int);`,
    });
    await project.succeed();
    expect(await db.query('select count(*)::int as n from done')).toEqual([{ n: 6 }]);
    expect(await tables(db)).toEqual(['after', 'before', 'done', 'part1', 'parted']);
  });
});

describe("a file's own transactions", () => {
  test('BEGIN ... COMMIT inside a file: each block commits with its progress', async ({ db }) => {
    const project = await makeProject(db, {
      '001_blocks.sql': lines(
        'create table a (id int);',
        'begin;',
        'insert into a values (1);',
        'insert into a values (2);',
        'commit;',
        'begin; insert into a values (99); rollback;',
        'begin; insert into a values (3); savepoint s; insert into a values (98); rollback to s; end;',
        'insert into a values (4);',
      ),
    });
    const result = await project.succeed();
    expect((await db.query('select id from a order by id')).map((row) => row['id'])).toEqual([1, 2, 3, 4]);
    expect(result.stderr).not.toContain('warning:');
  });

  test('a block that fails leaves nothing of itself; the error shows its statement', async ({ db }) => {
    const project = await makeProject(db, {
      '001_blocks.sql': lines(
        'create table a (id int primary key);',
        'begin;',
        'insert into a values (1);',
        'create table a (id int);',
        'commit;',
        'insert into a values (2);',
      ),
    });
    const failed = await project.migrate();
    expect(failed.code).toBe(8);
    expect(failed.json().error).toMatchObject({
      message: '001_blocks.sql: relation "a" already exists at 001_blocks.sql:4:1',
      details: expect.arrayContaining(['1 of 3 statements ran and are recorded']),
    });
    expect(states(failed)).toEqual({ '001_blocks.sql': 'interrupted' });
    expect(await db.query('select from a')).toEqual([]);
    await project.write({
      '001_blocks.sql': lines(
        'create table a (id int primary key);',
        'begin;',
        'insert into a values (1);',
        'commit;',
        'insert into a values (2);',
      ),
    });
    await project.succeed();
    expect(await db.query('select id from a order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('a deferred constraint that fails at the COMMIT of a block', async ({ db }) => {
    const project = await makeProject(db, {
      '001_blocks.sql': lines(
        'create table p (id int primary key); create table c (p int references p deferrable initially deferred);',
        'begin;',
        'insert into c values (1);',
        'commit;',
      ),
    });
    const result = await project.migrate();
    expect(result.code).toBe(8);
    expect(result.json().error).toMatchObject({ sqlState: '23503', message: expect.stringContaining('"c_p_fkey"') });
    expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 2 }]);
  });

  test('a procedure that commits, called in a file that is no transaction', async ({ db }) => {
    const project = await makeProject(db, {
      '001_procedure.sql': lines(
        'create table batches (n int);',
        'create procedure fill() language plpgsql as $$ begin for i in 1..3 loop insert into batches values (i); commit; end loop; end $$;',
      ),
      '002_call.sql': `${NONE}call fill();\ninsert into batches values (4);\n`,
    });
    await project.succeed();
    expect(await db.query('select n from batches order by n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  });

  test('a DO block that commits in its body', async ({ db }) => {
    const project = await makeProject(db, {
      '001_do.sql': lines(
        'create table a (id int);',
        'do $$ begin for i in 1..5 loop insert into a values (i); commit; end loop; end $$;',
        'insert into a values (6);',
      ),
    });
    await project.succeed();
    expect(await db.query('select count(*)::int as n from a')).toEqual([{ n: 6 }]);
  });
});

describe('a failure part-way', () => {
  test('in the first statement leaves nothing: exit 7, no ledger row', async ({ db }) => {
    await db.query('create table a (id int); insert into a values (1), (1)');
    const project = await makeProject(db, {
      '001_unique.sql': lines('create unique index concurrently a_id on a (id);', 'create table b (id int);'),
      '002_later.sql': 'select 1;',
    });
    const result = await project.migrate();
    expect(result.code).toBe(7);
    expect(result.json().error).toMatchObject({
      message: expect.stringContaining('001_unique.sql: could not create unique index "a_id" at 001_unique.sql:1:1'),
      sqlState: '23505',
    });
    expect(states(result)).toEqual({ '001_unique.sql': 'failed', '002_later.sql': 'not-run' });
    expect(await invalidIndexes(db)).toEqual([]);
    expect(await project.ledger()).toEqual([]);
  });

  test('of a unique index over doubles: no invalid index, exit 8; resumes once the rows are mended', async ({ db }) => {
    const project = await makeProject(db, {
      '001_unique.sql': lines(
        'create table a (id int);',
        'insert into a values (1), (1);',
        'create unique index concurrently a_id on a (id);',
        'insert into a values (2);',
      ),
    });
    const failed = await project.migrate();
    expect(failed.code).toBe(8);
    expect(await invalidIndexes(db)).toEqual([]);
    expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 2, in_hand: null }]);
    await db.query('delete from a where ctid = (select min(ctid) from a)');
    await project.succeed();
    expect(await db.query('select id from a order by id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await db.query("select indexname from pg_indexes where tablename = 'a'")).toEqual([{ indexname: 'a_id' }]);
  });

  test('mended behind what ran: goes on; changed in what ran: refused', async ({ db }) => {
    const file = (first: string, last: string) => ({
      '001_a.sql': `${NONE}${first}\ninsert into a values (1);\n${last}\n`,
    });
    const project = await makeProject(db, file('create table a (id int);', 'insert into b values (2);'));
    expect((await project.migrate()).code).toBe(8);

    await project.write(file('create table a (id bigint);', 'insert into a values (2);'));
    const refused = await project.migrate();
    expect(refused.code).toBe(5);
    expect(refused.json().error.message).toContain('its first 2 statements ran and have been changed since');
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);

    await project.write(
      file('/* only\n a comment */ CREATE  TABLE a (id int);', 'insert into a values (2);\ninsert into a values (3);'),
    );
    await project.succeed();
    expect(await db.query('select id from a order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect((await project.migrate()).json().data.migrations).toMatchObject([{ state: 'applied' }]);
  });

  test('settings and role of the part that ran are in force again when it is resumed', async ({ db }) => {
    await db.query('create schema app; create schema other; grant usage, create on schema app, other to service_role');
    const file = (last: string) => ({
      '001_a.sql': lines(
        NONE.trim(),
        "select set_config('search_path', 'other', false);",
        'set search_path = app;',
        "begin; set role service_role; set local search_path = other; set work_mem = '9MB'; commit;",
        'create table first (id int);',
        last,
        "create table second as select current_setting('work_mem') as w;",
      ),
    });
    const project = await makeProject(db, file('select 1 / 0;'));
    expect((await project.migrate()).code).toBe(8);
    await project.write(file('select 2;'));
    await project.succeed();
    const owned = await db.query(
      "select schemaname, tablename, tableowner from pg_tables where tablename in ('first', 'second') order by 2",
    );
    expect(owned).toEqual([
      { schemaname: 'app', tablename: 'first', tableowner: 'service_role' },
      { schemaname: 'app', tablename: 'second', tableowner: 'service_role' },
    ]);
    await db.query('set role service_role');
    expect(await db.query('select w from app.second')).toEqual([{ w: '9MB' }]);
  });

  test('a search path set by set_config is in force again as well', async ({ db }) => {
    await db.query('create schema app');
    const file = (last: string) => ({
      '001_a.sql': `${NONE}select pg_catalog.set_config('search_path', 'app', false);\n${last}\ncreate table first (id int);`,
    });
    const project = await makeProject(db, file('select 1 / 0;'));
    expect((await project.migrate()).code).toBe(8);
    await project.write(file('select 1;'));
    await project.succeed();
    expect(await db.query("select schemaname from pg_tables where tablename = 'first'")).toEqual([
      { schemaname: 'app' },
    ]);
  });

  test('of a DO block that had committed: nobody can tell, so it is asked; both answers work', async ({ db }) => {
    const file = {
      '001_do.sql': lines(
        'do $$ begin for i in 1..3 loop insert into a values (i); commit; end loop; perform 1 / (select count(*) from mended); end $$;',
        'insert into a values (100);',
      ),
    };
    await db.query('create table a (id int); create table mended (id int)');
    const project = await makeProject(db, file);
    const failed = await project.migrate();
    expect(failed.code).toBe(8);
    expect(failed.json().error).toMatchObject({
      message: expect.stringContaining('division by zero at 001_do.sql:1:1'),
      hint: expect.stringContaining('aisha-db repair 001_do.sql --statement done, or --statement again'),
    });
    const again = await project.migrate();
    expect(again.code).toBe(8);
    expect(again.json().error.hint).toContain('aisha-db repair 001_do.sql --statement done');
    expect(await db.query('select count(*)::int as n from a')).toEqual([{ n: 3 }]);

    await db.query('insert into mended values (1)');
    expect((await project.command('repair', '001_do.sql', '--statement', 'again')).code).toBe(0);
    await project.succeed();
    expect(await db.query('select count(*)::int as n from a')).toEqual([{ n: 7 }]);

    await project.write({ '002_do.sql': file['001_do.sql'] });
    await db.query('delete from mended; delete from a');
    expect((await project.migrate()).code).toBe(8);
    expect((await project.command('repair', '002_do.sql', '--statement', 'done')).code).toBe(0);
    await project.succeed();
    expect(await db.query('select count(*)::int as n from a')).toEqual([{ n: 4 }]);
  });

  test('an error in the statement is shown at its line', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': lines(NONE.trim(), 'create table a (id int);', '', "  insert into a select 'é', missing;"),
    });
    expect((await project.migrate()).json().error.message).toContain(
      'column "missing" does not exist at 001_a.sql:4:29',
    );
  });

  test('a file that drops the ledger is stopped there', async ({ db }) => {
    const project = await makeProject(db, {
      '001_a.sql': `${NONE}create table a (id int);\ndrop schema aisha_db cascade;\ncreate table b (id int);`,
    });
    const result = await project.migrate();
    expect(result.code).toBe(8);
    expect(result.json().error.message).toContain('its ledger row has no place any more');
    expect(await project.ledger()).toMatchObject([{ state: 'interrupted', statements_done: 1 }]);
    expect(await tables(db)).toEqual(['a']);
  });
});

describe('IF NOT EXISTS over an invalid index', () => {
  test('is no success: what nobody builds any more is removed and built anew', async ({ db }) => {
    await db.query('create table a (id int); insert into a values (1), (1)');
    await expect(db.query('create unique index concurrently a_id on a (id)')).rejects.toThrow();
    expect(await invalidIndexes(db)).toEqual(['a_id']);
    await db.query('delete from a');
    const project = await makeProject(db, {
      '001_a.sql': 'create unique index concurrently if not exists a_id on a (id);',
    });
    const result = await project.succeed();
    expect(result.stderr).toContain('removing index public.a_id');
    expect(
      await db.query(
        "select i.indisvalid as valid from pg_index i join pg_class c on c.oid = indexrelid where relname = 'a_id'",
      ),
    ).toEqual([{ valid: true }]);
  });

  test('a valid one is left alone', async ({ db }) => {
    await db.query('create table a (id int); create index a_id on a (id)');
    const oid = () => db.query("select 'a_id'::regclass::oid as oid");
    const before = await oid();
    const project = await makeProject(db, {
      '001_a.sql': lines(
        'create index concurrently if not exists a_id on a (id);',
        'create index concurrently if not exists a_id on a (id);',
      ),
    });
    await project.succeed();
    expect(await oid()).toEqual(before);
  });
});
