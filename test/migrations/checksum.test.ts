import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checksum, normalise, tokenChecksum } from '../../src/migrations/checksum.ts';
import { makeFolder } from '../support/folder.ts';
import { treeOf } from '../support/grammar.ts';
import { Random } from '../support/random.ts';
import { STATEMENTS } from '../support/sql-corpus.ts';

const bytes = (text: string) => Buffer.from(text);

describe('checksum', () => {
  test('is the SHA-256 of the content, so that sha256sum confirms it', () => {
    const text = "select 'Ünïcödé';\n";
    expect(checksum(bytes(text))).toBe(createHash('sha256').update(text).digest('hex'));
  });

  test.each([
    ['CRLF and LF', 'a\r\nb\r\n', 'a\nb\n'],
    ['both in one file', 'a\r\nb\nc\r\n', 'a\nb\nc\n'],
    ['a byte order mark', '\uFEFFselect 1;', 'select 1;'],
    ['a byte order mark and CRLF', '\uFEFF\r\na\r\n', '\na\n'],
    ['nothing but a byte order mark', '\uFEFF', ''],
    ['CRLF at the end', 'a\r\n', 'a\n'],
  ])('is the same with %s', (_, a, b) => {
    expect(checksum(bytes(a))).toBe(checksum(bytes(b)));
    expect(Buffer.from(normalise(bytes(a))).toString()).toBe(b);
  });

  test.each([
    ['a line feed behind a comment', '-- x\nDELETE FROM t', '-- xDELETE FROM t'],
    ['a line feed at the end', 'select 1;', 'select 1;\n'],
    ['a comment', '-- a\nselect 1', '-- b\nselect 1'],
    ['a space in a literal', "select 'a b'", "select 'a  b'"],
    ['a space in a body', 'do $$ begin end $$', 'do $$ begin  end $$'],
    ['letter case', 'select 1', 'SELECT 1'],
    ['a tab', 'select 1', 'select\t1'],
    ['a carriage return alone', 'a\rb', 'a\nb'],
    ['two of them before a line feed', 'a\r\r\nb', 'a\r\nb'],
    ['a carriage return at the end', 'a\r', 'a'],
    ['a second byte order mark', '\uFEFF\uFEFFa', '\uFEFFa'],
    ['composed and decomposed letters', "select 'é'", "select 'e\u0301'"],
  ])('differs with %s', (_, a, b) => {
    expect(checksum(bytes(a))).not.toBe(checksum(bytes(b)));
  });

  test('is the same for what git checks out with CRLF', async () => {
    const text = "-- one\nselect 'a\nb';\n\ncreate table t (a int);\n";
    const repository = await makeFolder({ '001_a.sql': text, '.gitattributes': '*.sql text\n' });
    const git = (...args: string[]) =>
      execFileSync(
        'git',
        ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'core.autocrlf=true', '-c', 'core.eol=crlf', ...args],
        {
          cwd: repository,
          stdio: 'ignore',
        },
      );
    git('init');
    git('add', '.');
    git('commit', '-m', 'x');
    rmSync(join(repository, '001_a.sql'));
    git('checkout', '--', '001_a.sql');
    const checkedOut = readFileSync(join(repository, '001_a.sql'));
    expect(checkedOut.includes('\r\n')).toBe(true);
    expect(checksum(checkedOut)).toBe(checksum(bytes(text)));
  });

  test('content is not copied when there is nothing to remove', () => {
    const plain = bytes('a\nb');
    expect(normalise(plain)).toBe(plain);
  });
});

const same = (a: string, b: string) => tokenChecksum(bytes(a)) === tokenChecksum(bytes(b));

describe('tokenChecksum: a change is cosmetic', () => {
  test.each([
    ['comments', 'select 1 -- one\n;', '/* other /* nested */ */ select 1;'],
    ['white space', 'select\n\t1 ;', 'select 1;'],
    ['case of words that are not quoted', 'CREATE TABLE Tasks (ID int)', 'create table tasks (id INT)'],
    ['space around operators', 'select a=-1, b+c, a||b', 'select a = -1, b + c, a || b'],
    ['space around commas, dots and brackets', 'select a.b,(c),d[1]', 'select a . b , ( c ) , d [ 1 ]'],
    ['line ends and byte order mark', '\uFEFFselect\r\n1', 'select\n1'],
    ['space between continued parts of a literal', "select 'a'\n'b'", "select 'a'  -- c\n\n   'b'"],
  ])('%s', (_, a, b) => {
    expect(same(a, b)).toBe(true);
    const tree = treeOf(a.replace('\uFEFF', ''));
    expect(tree).toBeDefined();
    // The grammar at hand, unlike the server, takes no comment between parts of a literal.
    expect(treeOf(b.replace('-- c', ''))).toBe(tree);
  });
});

describe('tokenChecksum: a change is semantic', () => {
  test.each([
    ['a line feed behind a comment', '-- x\nDELETE FROM t', '-- xDELETE FROM t'],
    ['a carriage return behind a comment', '-- x\rDELETE FROM t', '-- xDELETE FROM t'],
    ['a literal', 'select 5', 'select 6'],
    ['space in a literal', "select 'a b'", "select 'a  b'"],
    ['case in a literal', "select 'a'", "select 'A'"],
    ['case in a quoted name', 'select "a"', 'select "A"'],
    ['quotes around a name', 'select Name', 'select "Name"'],
    ['a comment in a body', 'do $$ -- a\nbegin end $$', 'do $$ -- b\nbegin end $$'],
    ['a tag of a body', 'do $a$ x $b$ y $a$', 'do $b$ x $b$ y $a$'],
    ['two operators that become one', 'select @ -5', 'select @-5'],
    ['two words that become one', 'select a b', 'select ab'],
    ['two literals that become one', "select 'a'\n'b'", "select 'a' 'b'"],
    ['a literal and a name', "select e 'a\\\\b'", "select e'a\\\\b'"],
    ['a number and a letter', 'select 1 e5', 'select 1e5'],
    ['two statements', 'select 1; select 2', 'select 1 select 2'],
    ['letters beyond ASCII', 'select Ä', 'select ä'],
    ['numbers', 'select 1 .5', 'select 1.5'],
    ['a cast', 'select a::b', 'select a: :b'],
    ['psql: a value', '\\set Name a\nselect :Name', '\\set Name A\nselect :Name'],
    ['psql: where a line ends', '\\set a b\nc', '\\set a\nb c'],
    ['psql: a file', '\\i A.sql', '\\i a.sql'],
    ['rows for COPY: case', 'copy t from stdin;\nAlice\n\\.\n', 'copy t from stdin;\nalice\n\\.\n'],
    ['rows for COPY: space', 'COPY t FROM STDIN;\na\tb\n', 'COPY t FROM STDIN;\na b\n'],
    ['rows for COPY: what looks like a comment', 'copy t from Stdin;\n-- a\n', 'copy t from Stdin;\n-- b\n'],
    ['text behind an open quote', "select 'a", "select 'b"],
  ])('%s', (_, a, b) => {
    expect(same(a, b)).toBe(false);
  });
});

describe('tokenChecksum against the syntax trees of the server', () => {
  // The grammar at hand, unlike the server, takes no comment inside a literal of several parts.
  const CORPUS = STATEMENTS.filter((sql) => !/'\s*\n\s*'|uescape/.test(sql));

  test('white space, comments and letter case at the right places change neither', { timeout: 30_000 }, () => {
    const random = new Random(1);
    for (let round = 0; round < 800; round++) {
      const before = random.pick(CORPUS);
      const after = before
        .split(/(\s+)/)
        .map((part, i) => (i % 2 === 0 ? part : random.pick(['\n', '\t', '  ', ' /* ; */ ', ' -- x\n', '\r\n'])))
        .join('');
      // Space in literals, bodies and names counts: then the trees differ as well.
      expect(same(before, after), `${before}\n=>\n${after}`).toBe(treeOf(before) === treeOf(after));
    }
  });

  test('whatever is done to a text: as long as the checksum is the same, so is the tree', { timeout: 30_000 }, () => {
    const random = new Random(2);
    const pieces = [
      ' ',
      '\n',
      '\r',
      '\t',
      '--',
      '/*',
      '*/',
      "'",
      '"',
      '$',
      ';',
      '-',
      '@',
      '(',
      ')',
      '1',
      'e',
      'E',
      '\\',
      ':',
      '.',
      'a',
      '/**/',
      '--\n',
    ];
    let equal = 0;
    let different = 0;
    for (let round = 0; round < 6000; round++) {
      const before = random.pick(CORPUS);
      let after = before;
      for (let n = 1 + random.below(2); n > 0; n--) {
        const at = random.below(after.length + 1);
        const kind = random.below(3);
        if (kind === 0) after = after.slice(0, at) + random.pick(pieces) + after.slice(at);
        else if (kind === 1) after = after.slice(0, at) + after.slice(at + 1);
        else after = after.slice(0, at) + flipCase(after.slice(at, at + 1)) + after.slice(at + 1);
      }
      if (!same(before, after)) {
        different++;
        continue;
      }
      equal++;
      if (treeOf(before) !== treeOf(after)) expect.fail(`${before}\n=> ${JSON.stringify(after)}`);
    }
    expect(Math.min(equal, different)).toBeGreaterThan(1000);
  });
});

function flipCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase();
}
