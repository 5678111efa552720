import { describe, expect, test } from 'vitest';
import type { Mode } from '../../src/migrations/mode.ts';
import type { ReadInclude } from '../../src/migrations/psql.ts';
import { prepareScript, type Script } from '../../src/migrations/script.ts';
import { loadGrammar } from '../../src/migrations/tree.ts';

const grammar = await loadGrammar();
const nothing: ReadInclude = () => ({ problem: 'no such file' });

function prepare(text: string, read = nothing): Promise<Script> {
  return prepareScript('001_a.sql', Buffer.from(text), read, async () => grammar);
}

async function modeOf(text: string): Promise<Mode> {
  return (await prepare(text)).mode;
}

async function problemsOf(text: string, read = nothing): Promise<string[]> {
  return (await prepare(text, read)).problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.message}`);
}

describe('what the server refuses inside a transaction is run alone', () => {
  test.each([
    'vacuum',
    'vacuum (analyze, verbose) t',
    'create index concurrently i on t (a)',
    'create unique index concurrently if not exists "i; x" on "s"."t" (a)',
    'create index concurrently on t (a)',
    'drop index concurrently i',
    'drop index concurrently if exists s.i cascade',
    'reindex index concurrently i',
    'reindex table concurrently t',
    'reindex (concurrently) table t',
    'reindex (verbose, concurrently true) index i',
    'reindex schema s',
    'reindex database d',
    'reindex system d',
    'create database d',
    'drop database d',
    'drop database if exists d with (force)',
    'alter database d set tablespace ts',
    "create tablespace ts location '/x'",
    'drop tablespace ts',
    "alter system set work_mem = '1MB'",
    'alter system reset all',
    'alter table t detach partition p concurrently',
    'alter table s.t detach partition "P;" concurrently',
    'cluster',
    'cluster verbose',
    'discard all',
    "create subscription s connection 'x' publication p",
    "create subscription s connection 'x' publication p with (create_slot = true)",
    "create subscription s connection 'x' publication p with (create_slot = 1)",
    'drop subscription s',
    'drop subscription if exists s',
    'alter subscription s refresh publication',
    'alter subscription s set publication p',
    'alter subscription s add publication p with (refresh = true)',
    'alter subscription s set (failover = true)',
    'alter subscription s set (two_phase = false)',
    "commit prepared 'x'",
    "rollback prepared 'x'",
  ])('%s', async (statement) => {
    for (const sql of [statement, `/* c */ ${statement.toUpperCase()} ;`]) {
      expect(await modeOf(sql)).toMatchObject({ kind: 'statements', units: [{ first: 0, last: 0, kind: 'alone' }] });
    }
  });
});

describe('what the server allows inside a transaction stays in it', () => {
  test.each([
    'analyze',
    'analyze t',
    'reindex table t',
    'reindex index i',
    'reindex (concurrently false) table t',
    'reindex (concurrently off) table t',
    'reindex (concurrently 0) table t',
    'refresh materialized view concurrently v',
    "alter type mood add value 'ok'",
    'create index i on t (a)',
    'create index on only p (a)',
    'drop index i',
    'alter table t detach partition p',
    'alter table t detach partition p finalize',
    'cluster t using i',
    'discard temp',
    'discard plans',
    'discard sequences',
    'alter database d set work_mem = 1',
    'alter database d with connection limit 5',
    'alter tablespace ts set (random_page_cost = 1)',
    'alter table t set tablespace ts',
    "create subscription s connection 'x' publication p with (connect = false)",
    "create subscription s connection 'x' publication p with (connect = off)",
    "create subscription s connection 'x' publication p with (create_slot = 0)",
    'alter subscription s disable',
    'alter subscription s set (slot_name = none)',
    'alter subscription s set publication p with (refresh = false)',
    'savepoint a; release a',
    'savepoint a; rollback to a; release savepoint a',
    'prepare p as select 1',
    'set search_path to x',
    'set transaction isolation level serializable; select 1',
    'set constraints all deferred',
    'lock table t',
    'truncate t',
    "comment on table t is 'vacuum; create index concurrently'",
    "select 'commit'; select $$ begin; commit; $$",
    'create table "vacuum" ("commit" int); select "commit" from "vacuum"',
    'create function commit_it() returns int begin atomic select 1; select 2; end',
    "do $$ begin raise notice 'commit'; end $$",
    'do $$ -- rollback\nbegin null; end $$',
    'create procedure p() language plpgsql as $$ begin commit; end $$',
  ])('%s', async (sql) => {
    expect(await modeOf(sql)).toEqual({ kind: 'transaction', begin: undefined, commit: undefined });
  });
});

describe('what to look for after a kill', () => {
  test.each([
    [
      'create index concurrently if not exists "I;" on "S"."T" (a)',
      { type: 'create-index', table: { schema: 'S', name: 'T' }, index: 'I;', ifNotExists: true },
    ],
    [
      'create index concurrently on t (a)',
      { type: 'create-index', table: { schema: undefined, name: 't' }, index: undefined, ifNotExists: false },
    ],
    ['drop index concurrently s.i', { type: 'drop-index', indexes: [{ schema: 's', name: 'i' }] }],
    [
      'alter table s.t detach partition p concurrently',
      { type: 'detach-partition', table: { schema: 's', name: 't' }, partition: { schema: undefined, name: 'p' } },
    ],
    ['reindex table concurrently t', { type: 'reindex-concurrently' }],
    ['create database "D"', { type: 'create-object', catalog: 'database', name: 'D' }],
    ['drop tablespace ts', { type: 'drop-object', catalog: 'tablespace', name: 'ts' }],
    [
      "create subscription s connection '' publication p",
      { type: 'create-object', catalog: 'subscription', name: 's' },
    ],
    ['vacuum', { type: 'repeatable' }],
  ])('%s', async (sql, alone) => {
    expect(await modeOf(sql)).toMatchObject({ units: [{ kind: 'alone', alone }] });
  });
});

describe('transaction control of the file', () => {
  test.each([
    ['BEGIN; select 1; COMMIT;', 'BEGIN', 'COMMIT'],
    ['-- head\nbegin work;\nselect 1; select 2;\nend transaction;\n-- foot', 'begin work', 'end transaction'],
    [
      'START TRANSACTION ISOLATION LEVEL SERIALIZABLE; select 1; commit',
      'START TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'commit',
    ],
    ['begin; savepoint a; rollback to savepoint a; commit;', 'begin', 'commit'],
    ['begin; commit;', 'begin', 'commit'],
  ])('an outer pair is taken over: %s', async (sql, begin, commit) => {
    const mode = await modeOf(sql);
    if (mode.kind !== 'transaction') throw new Error(mode.kind);
    expect(sql.slice(mode.begin!.start, mode.begin!.end)).toBe(begin);
    expect(sql.slice(mode.commit!.start, mode.commit!.end)).toBe(commit);
  });

  const BLOCK = { kind: 'block', commits: true };
  test.each([
    [
      'begin; select 1; commit; select 2;',
      [
        { ...BLOCK, first: 0, last: 2 },
        { kind: 'statement', first: 3, last: 3 },
      ],
    ],
    ['select 0; begin; select 1; commit;', [{ kind: 'statement' }, { ...BLOCK, first: 1, last: 3 }]],
    [
      'begin; select 1; commit; begin; select 2; commit;',
      [
        { ...BLOCK, first: 0, last: 2 },
        { ...BLOCK, first: 3, last: 5 },
      ],
    ],
    [
      'begin; select 1; rollback; select 2;',
      [{ kind: 'block', commits: false, first: 0, last: 2 }, { kind: 'statement' }],
    ],
    ['begin; insert into t values (1); commit; vacuum t; select 1', [BLOCK, { kind: 'alone' }, { kind: 'statement' }]],
    [
      'create table t (a int); create index concurrently i on t (a); set role x',
      [{ kind: 'statement' }, { kind: 'alone' }, { kind: 'statement', words: ['set', 'role', 'x'] }],
    ],
    [
      'do $$ begin insert into t values (1); commit; end $$; select 1',
      [{ kind: 'self-committing' }, { kind: 'statement' }],
    ],
    ['do language plpgsql $x$ begin if a then rollback; end if; end $x$', [{ kind: 'self-committing' }]],
    [
      '-- On-Interruption: repeat\ndo $$ begin commit; end $$; call p(); vacuum t',
      [
        { kind: 'self-committing', alone: { type: 'repeatable' } },
        { kind: 'self-committing', alone: { type: 'repeatable' } },
        { kind: 'alone' },
      ],
    ],
    ['-- Transaction: none\nselect 1; select 2;', [{ kind: 'statement' }, { kind: 'statement' }]],
    ['-- Transaction: None\nbegin; select 1; commit;', [BLOCK]],
  ])('statement by statement, blocks as one: %s', async (sql, units) => {
    const mode = await modeOf(sql);
    expect(mode).toMatchObject({ kind: 'statements', units });
    if (mode.kind === 'statements') expect(mode.units).toHaveLength(units.length);
  });

  test('every statement belongs to exactly one unit', async () => {
    const mode = await modeOf('select 1; begin; select 2; select 3; end; vacuum; begin; abort; select 4');
    if (mode.kind !== 'statements') throw new Error(mode.kind);
    expect(mode.units.map((u) => [u.first, u.last])).toEqual([
      [0, 0],
      [1, 4],
      [5, 5],
      [6, 7],
      [8, 8],
    ]);
  });

  test.each([
    ['create index concurrently i on t (a)', 'CREATE INDEX CONCURRENTLY cannot run in a transaction'],
    ['select 1; vacuum t', 'VACUUM T cannot run in a transaction'],
    ['do $$ begin commit; end $$', 'a DO block commits in its body'],
    ['-- Transaction: none\nselect 1', 'the header says Transaction: none'],
    ['begin; commit; select 1', 'it controls transactions itself'],
  ])('the reason is named: %s', async (sql, why) => {
    expect(await modeOf(sql)).toMatchObject({ why });
  });

  test.each([
    ['begin; select 1;', '1:1 BEGIN without COMMIT'],
    ['select 1;\n  begin', '2:3 BEGIN without COMMIT'],
    ['select 1; commit;', '1:11 COMMIT without BEGIN'],
    ['rollback;', '1:1 ROLLBACK without BEGIN'],
    ['begin; begin; commit;', '1:8 BEGIN inside a transaction that is already open'],
    ['begin; commit; commit;', '1:16 COMMIT without BEGIN'],
    ['begin; select 1; commit and chain;', '1:18 BEGIN without COMMIT'],
    ["begin; select 1; prepare transaction 'x';", '1:18 PREPARE TRANSACTION cannot be recorded in the ledger'],
    ['begin; vacuum; commit;', '1:8 this statement cannot run inside the BEGIN ... COMMIT around it'],
    [
      'begin; create index concurrently i on t (a); commit; select 1',
      '1:8 this statement cannot run inside the BEGIN ... COMMIT around it',
    ],
    [
      'begin; do $$ begin commit; end $$; commit;',
      '1:8 this statement cannot run inside the BEGIN ... COMMIT around it',
    ],
    ['begin; commit and chain; commit; select 1', '1:8 AND CHAIN cannot be resumed after an interruption'],
  ])('refused: %j', async (sql, problem) => {
    expect(await problemsOf(sql)).toContain(`001_a.sql:${problem}`);
    expect((await modeOf(sql)).kind).toBe('refused');
  });

  test('all that is wrong is reported', async () => {
    expect(await problemsOf('commit;\nbegin;\nbegin;')).toHaveLength(3);
  });
});

describe('a file that ends in ROLLBACK', () => {
  test.each([
    'begin; select 1; rollback;',
    '\\set ON_ERROR_STOP on\n-- smoke test\nBEGIN;\ninsert into t values (1);\nROLLBACK;\n-- done',
    'set client_min_messages = warning; begin; abort;',
    'begin; select 1; rollback; begin; select 2; rollback work',
  ])('is a test: %j', async (sql) => {
    expect((await modeOf(sql)).kind).toBe('test');
  });

  test.each([
    ['begin; create table t (a int); commit; begin; select 1; rollback;', ['1:32']],
    ['create table t (a int);\nbegin; select 1; rollback;', ['1:1']],
    ['begin; rollback; vacuum; insert into t values (1); begin; rollback', ['1:18', '1:26']],
    ['do $$ begin commit; end $$; begin; rollback', ['1:1']],
  ])('and leaves something behind is refused, not passed over: %j', async (sql, places) => {
    expect(await problemsOf(sql)).toEqual(
      places.map((p) => `001_a.sql:${p} the file ends in ROLLBACK, yet this statement would stay`),
    );
  });

  test.each(['begin; rollback; select 1', 'begin; savepoint a; rollback to a; commit'])(
    '%s does not end in one',
    async (sql) => {
      expect((await modeOf(sql)).kind).not.toBe('test');
    },
  );
});

test.each(['', '\n', '-- only a comment', '/* a; b */ ;;', '\uFEFF'.slice(1), '\\echo hello\n\\set a 1\n'])(
  '%j is empty',
  async (sql) => {
    expect((await prepare(sql)).mode).toEqual({ kind: 'empty' });
  },
);

test('a comment that ends in a carriage return does not empty the file behind it', async () => {
  const script = await prepare('-- one\rdrop table t;');
  expect([script.count, script.mode.kind]).toEqual([1, 'transaction']);
});

describe('a label added to an enumeration and used', () => {
  test.each([
    ["alter type mood add value 'ok';\ninsert into t values ('ok');", 2, 23],
    ["ALTER TYPE s.\"M\" ADD VALUE IF NOT EXISTS 'it''s' BEFORE 'x';\nselect 'it''s'", 2, 8],
  ])('is a warning at its use: %j', async (sql, line, column) => {
    const { warnings, problems, mode } = await prepare(sql);
    expect(warnings).toMatchObject([{ line, column, message: expect.stringContaining('is added and used') }]);
    expect([problems, mode.kind]).toEqual([[], 'transaction']);
  });

  test.each([
    "alter type mood add value 'ok'; select 'okay'",
    "insert into t values ('ok'); alter type mood add value 'ok'",
    "alter type mood rename value 'a' to 'ok'; select 'ok'",
  ])('not so %j', async (sql) => {
    expect((await prepare(sql)).warnings).toEqual([]);
  });
});

describe('what cannot be read as SQL', () => {
  test.each([
    ["select 1;\nselect 'x;", '2:8 unterminated string'],
    ['do $x$ begin $y$', '1:4 unterminated dollar-quoted string'],
    ['select "é', '1:8 unterminated quoted identifier'],
    ["select 'é' /* /* */", '1:12 unterminated comment'],
  ])('%j is reported where it begins', async (sql, problem) => {
    expect(await problemsOf(sql)).toEqual([`001_a.sql:${problem}`]);
  });

  test.each([
    [Buffer.from("select 1;\nselect 'caf\xe9';", 'latin1'), '2:12 not valid UTF-8'],
    [Buffer.from("select 'ab\xc3", 'latin1'), '1:11 not valid UTF-8'],
    [Buffer.from('select\0 1'), '1:7 a zero byte in the file'],
    [Buffer.from('\uFEFFselect 1', 'utf16le'), '1:4 a zero byte in the file'],
  ])('case %#', async (content, problem) => {
    const { problems } = await prepareScript('001_a.sql', content, nothing, async () => grammar);
    expect(problems.map((p) => `${p.line}:${p.column} ${p.message}`)).toContain(problem);
  });

  test('in an included file it is reported there', async () => {
    const read: ReadInclude = (name) => ({ file: name, text: Buffer.from("-- x\nselect '\xe9';", 'latin1') });
    expect(await problemsOf('\\i b.sql\n', read)).toEqual(['b.sql:2:9 not valid UTF-8']);
  });

  test('an included file left open is reported once', async () => {
    const read: ReadInclude = (name) => ({ file: name, text: Buffer.from("select 'x") });
    expect(await problemsOf('\\i b.sql\n', read)).toEqual(['b.sql:1:8 unterminated string']);
  });
});

test('rows for COPY in a file that is run statement by statement are refused', async () => {
  expect(await problemsOf('copy t from stdin;\n1\n\\.\n  vacuum t;')).toEqual([
    '001_a.sql:4:3 VACUUM T cannot run in a transaction, yet the file holds data for COPY',
  ]);
  expect((await prepare('copy t from stdin;\n1\n\\.\n')).problems).toEqual([]);
});

test('the grammar is loaded only for a file that needs it', async () => {
  const refuse = async () => {
    throw new Error('loaded');
  };
  const plain =
    "create table t (a int); insert into t values (1); create index i on t (a); do $$ begin null; end $$; comment on table t is 'x'";
  expect((await prepareScript('001_a.sql', Buffer.from(plain), nothing, refuse)).mode.kind).toBe('transaction');
  await expect(prepareScript('001_a.sql', Buffer.from('vacuum'), nothing, refuse)).rejects.toThrow('loaded');
});

test('a statement this grammar does not know is left to the server', async () => {
  expect((await modeOf('create index concurrently frobnicate the table; begin; commit')).kind).toBe('statements');
  expect((await modeOf('reindex everything now')).kind).toBe('transaction');
});
