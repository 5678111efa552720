import { describe, expect, test } from 'vitest';
import { Scanner, TOKEN, type Token } from '../../src/migrations/scanner.ts';
import { serverTokens } from '../support/grammar.ts';
import { Random } from '../support/random.ts';
import { STATEMENTS } from '../support/sql-corpus.ts';

/** Tokens as the server sees them: to it a colon never begins a variable. */
function tokens(sql: string): string[] {
  const bytes = Buffer.from(sql);
  const scanner = new Scanner(bytes);
  const out: string[] = [];
  for (let token = scanner.next(); token !== TOKEN.end; token = scanner.next()) {
    if (token === TOKEN.variable) scanner.skipTo(scanner.start + 1);
    out.push(bytes.subarray(scanner.start, scanner.end).toString());
  }
  return out;
}

function kinds(sql: string): Token[] {
  const scanner = new Scanner(Buffer.from(sql));
  const out: Token[] = [];
  for (let token = scanner.next(); token !== TOKEN.end; token = scanner.next()) out.push(token);
  return out;
}

describe('tokens end where those of the server end', () => {
  // The server reads 'a'⏎'b' as one token; here each part is one, marked as continued.
  // It reads N'x' as two, yet with a space between them they mean something else.
  test.each(STATEMENTS.filter((sql) => !/'\s*\n\s*'|N'/.test(sql)))('%s', (sql) => {
    expect(tokens(sql)).toEqual(serverTokens(sql).map((t) => t.text));
  });

  test('in 6000 runs of operator characters', { timeout: 30_000 }, () => {
    const random = new Random(7);
    for (let round = 0; round < 6000; round++) {
      let sql = 'a ';
      for (let n = 1 + random.below(6); n > 0; n--)
        sql += random.pick([
          '+',
          '-',
          '*',
          '/',
          '<',
          '>',
          '=',
          '~',
          '!',
          '@',
          '#',
          '%',
          '^',
          '&',
          '|',
          '?',
          ' ',
          '.',
          '(',
          ',',
          '\n',
        ]);
      // An open comment is no token to one and an error to the other.
      if (/\/\*/.test(sql)) continue;
      sql += ' b';
      const expected = serverTokens(sql).flatMap((t) => (t.text === '..' ? ['.', '.'] : [t.text]));
      expect(tokens(sql), JSON.stringify(sql)).toEqual(expected);
    }
  });
});

test.each([
  [':v', [TOKEN.variable]],
  [":'v_1é'", [TOKEN.variable]],
  [':"v"', [TOKEN.variable]],
  ['a::int', [TOKEN.word, TOKEN.symbol, TOKEN.word]],
  ['a := 1', [TOKEN.word, TOKEN.symbol, TOKEN.number]],
  ["a:'b c'", [TOKEN.word, TOKEN.symbol, TOKEN.string]],
  [':$1', [TOKEN.symbol, TOKEN.parameter]],
  [': v', [TOKEN.symbol, TOKEN.word]],
  ['\\echo', [TOKEN.backslash, TOKEN.word]],
  ["'\\'", [TOKEN.string]],
  ['(;)', [TOKEN.open, TOKEN.semicolon, TOKEN.close]],
  ['$1$$;$$', [TOKEN.parameter, TOKEN.string]],
  ['a$1', [TOKEN.word]],
  ['"a"U&"b"', [TOKEN.quotedWord, TOKEN.quotedWord]],
])('%s is read as psql reads it', (sql, expected) => {
  expect(kinds(sql)).toEqual(expected);
});

test.each([
  ["'a'\n'b'", true],
  ["'a'\r'b'", true],
  ["'a' -- c\n  'b'", true],
  ["'a' 'b'", false],
  ["'a' /*\n*/ 'b'", false],
  ["'a'\n/* c */ 'b'", false],
])('%j: the second literal continues the first: %s', (sql, continued) => {
  const scanner = new Scanner(Buffer.from(sql));
  scanner.next();
  scanner.next();
  expect(scanner.newlineBefore).toBe(continued);
});

test("what continues an E'..' literal has its escapes, what continues a plain one has none", () => {
  expect(tokens("E'a'\n'b\\'c' d")).toEqual(["E'a'", "'b\\'c'", 'd']);
  expect(tokens("E'a' -- x\n'b\\'c'\n'\\'' d")).toEqual(["E'a'", "'b\\'c'", "'\\''", 'd']);
  expect(tokens("'a'\n'b\\' c")).toEqual(["'a'", "'b\\'", 'c']);
  expect(tokens("E'a', 'b\\' c")).toEqual(["E'a'", ',', "'b\\'", 'c']);
});

test('only the part between from and limit is read', () => {
  const text = Buffer.from("select 'abc' -- x\n$$ y");
  const scanner = new Scanner(text, 7, 10);
  expect([scanner.next(), scanner.start, scanner.end, scanner.unterminated]).toEqual([
    TOKEN.string,
    7,
    10,
    { what: 'string', offset: 7 },
  ]);
  expect(scanner.next()).toBe(TOKEN.end);
});
