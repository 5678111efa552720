import { describe, expect, test } from 'vitest';
import { readStatements, StatementReader } from '../../src/migrations/statements.ts';
import { serverStatements } from '../support/grammar.ts';
import { Random } from '../support/random.ts';
import { STATEMENTS } from '../support/sql-corpus.ts';

/** First and last byte of each statement. */
function split(sql: string): [number, number][] {
  return readStatements(Buffer.from(sql)).statements.map((s) => [s.start, s.end]);
}

function texts(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return readStatements(bytes).statements.map((s) => bytes.subarray(s.start, s.end).toString());
}

describe('a statement ends where the server says it ends', () => {
  test.each(STATEMENTS)('%s', (statement) => {
    for (const sql of [
      statement,
      `${statement}\n;`,
      `;;\n${statement}\n;; select 2;`,
      `select 0;${statement}\n;\nselect 3`,
    ]) {
      const expected = serverStatements(sql);
      expect(expected, `the server refuses ${sql}`).toBeDefined();
      expect(split(sql)).toEqual(expected);
    }
  });

  test('whatever stands around it: 2000 texts put together at random', { timeout: 30_000 }, () => {
    const random = new Random(20_260_424);
    const gap = () =>
      random.pick([' ', '\n', '\t', '\r\n', ' -- a; b\n', ' /* ; */ ', "/* /* ; */ ' */", '\n\n', ' -- "\r']);
    for (let round = 0; round < 2000; round++) {
      let sql = random.chance(0.3) ? gap() : '';
      const count = 1 + random.below(4);
      for (let i = 0; i < count; i++) {
        const statement = random.pick(STATEMENTS);
        sql += statement + (random.chance(0.5) && !statement.includes('--') ? gap() : '\n');
        if (i < count - 1 || random.chance(0.7)) sql += random.pick([';', ';', ' ;', ';;', '\n;\n', ';/* ; */;']);
        if (random.chance(0.3)) sql += gap();
      }
      const expected = serverStatements(sql);
      if (expected === undefined) throw new Error(`the server refuses ${JSON.stringify(sql)}`);
      expect(split(sql), JSON.stringify(sql)).toEqual(expected);
    }
  });

  test.each([' \n\t', ';', ';;;', '-- only a comment', '/* ; */', '-- a\n;/* b */;'])(
    '%j holds no statement',
    (sql) => {
      expect(split(sql)).toEqual([]);
      expect(serverStatements(sql)).toEqual([]);
    },
  );

  test('an empty text holds no statement', () => {
    expect(split('')).toEqual([]);
  });

  test('a comment ends at a carriage return too: what follows is not lost', () => {
    expect(texts('-- old Mac line end\rdelete from t;\r-- more\rselect 1')).toEqual(['delete from t', 'select 1']);
  });

  test('a stretch of a text is read by itself', () => {
    const text = Buffer.from("select 'a'; select 'b''; select 2; select 3");
    const reader = new StatementReader(text, 11, 24);
    const found = reader.next()!;
    expect([found.start, found.end]).toEqual([12, 24]);
    expect(reader.next()).toBeUndefined();
    expect(reader.unterminated).toEqual({ what: 'string', offset: 19 });
  });

  test('a file of 5 MB and 100000 statements is counted right', { timeout: 30_000 }, () => {
    const row = "insert into t values (1, 'a;b', E'x', $$;$$, \"c;\"); -- ;\n";
    const text = Buffer.from(row.repeat(100_000));
    const reader = new StatementReader(text);
    let count = 0;
    let last = 0;
    for (let s = reader.next(); s; s = reader.next()) {
      count++;
      last = s.end;
    }
    expect([text.length > 5_000_000, count, text.length - last]).toEqual([
      true,
      100_000,
      row.length - row.indexOf(';', 50),
    ]);
    expect(reader.unterminated).toBeUndefined();
  });
});

describe('what is left open is reported where it begins', () => {
  test.each([
    ["select 1;\nselect 'abc; select 2;", 'string', 17],
    ["select E'abc\\'; select 2", 'string', 7],
    ["select 'a' 'b''", 'string', 11],
    ["select U&'abc", 'string', 7],
    ['select "a""; select 2', 'quoted identifier', 7],
    ['select U&"a', 'quoted identifier', 7],
    ['select 1; do $x$ begin; $y$ end; $$', 'dollar-quoted string', 13],
    ['do $$ $x$', 'dollar-quoted string', 3],
    ['select 1; /* a /* b */ select 2;', 'comment', 10],
    ["select 'é' || 'x", 'string', 15],
    ["select E'\\", 'string', 7],
  ])('%s', (sql, what, offset) => {
    expect(readStatements(Buffer.from(sql)).unterminated).toEqual({ what, offset });
    expect(serverStatements(sql)).toBeUndefined();
  });

  test.each(["select ''", "select E'\\\\'", 'select $$$$', 'select 1 /**/', 'select """"', "-- '"])(
    '%s is whole',
    (sql) => {
      expect(readStatements(Buffer.from(sql)).unterminated).toBeUndefined();
    },
  );
});

describe('leading words tell which statements need a second look', () => {
  test.each([
    ['create unique index concurrently if not exists "x" on t (a)', ['create', 'unique'], true],
    ['CREATE INDEX /* x */ Concurrently ON t (a)', ['create', 'index'], true],
    ["comment on table t is 'concurrently'", [], false],
    ['select "concurrently" from t -- concurrently', [], false],
    ['refresh materialized view concurrently v', [], true],
    ['"begin"', [], false],
    ['BEGIN', ['begin'], false],
    ['beginning', [], false],
  ])('%s', (sql, words, concurrently) => {
    expect(readStatements(Buffer.from(sql)).statements).toMatchObject([{ words, concurrently }]);
  });
});
