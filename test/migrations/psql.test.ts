import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readFolder } from '../../src/migrations/files.ts';
import { type Expanded, expand, lineOf, type ReadInclude } from '../../src/migrations/psql.ts';
import { type Files, makeFolder } from '../support/folder.ts';

const nothing: ReadInclude = (name) => ({ problem: `cannot include ${name}` });

function run(text: string, read: ReadInclude = nothing): Expanded {
  return expand('001_a.sql', Buffer.from(text), read);
}

/** Files known by their plain names. */
function among(files: Readonly<Record<string, string>>): ReadInclude {
  return (name) =>
    files[name] === undefined ? { problem: `no ${name}` } : { file: name, text: Buffer.from(files[name]) };
}

const sqlOf = (expanded: Expanded) => Buffer.from(expanded.sql).toString();
const places = (expanded: Expanded) => expanded.problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.message}`);

describe('variables', () => {
  test.each([
    ['bare', '\\set t tasks\nselect * from :t;', '\nselect * from tasks;'],
    ['as a literal', "\\set n 'O''Brien'\nselect :'n';", "\nselect 'O''Brien';"],
    ['as a literal with a backslash', "\\set n 'a\\\\b'\nselect :'n';", "\nselect  E'a\\\\b';"],
    ['as a name', '\\set n \'my "t\'\nselect :"n";', '\nselect "my ""t";'],
    ['joined from several words, as psql joins them', '\\set n a b c\nselect :n;', '\nselect abc;'],
    ['without a value', '\\set n\nselect 1:n;', '\nselect 1;'],
    ['from another variable', "\\set a x\n\\set b :a:'a'\nselect :b;", "\n\nselect x'x';"],
    ['set again', '\\set a 1\nselect :a;\n\\set a 2\nselect :a;', '\nselect 1;\n\nselect 2;'],
    ['with letters of any script', "\\set имя 'é'\nselect :'имя';", "\nselect 'é';"],
    ['with escapes', "\\set n 'a\\nb\\tc'\nselect :'n';", "\nselect 'a\nb\tc';"],
    [
      'with a hostile value as a literal',
      "\\set n '''; drop table t; --'\nselect :'n';",
      "\nselect '''; drop table t; --';",
    ],
    ['no longer once it is unset', '\\set a 1\n\\unset a\nselect b[1:a];', '\n\nselect b[1:a];'],
    ['behind a command on the same line', '\\set a 1 \\set b 2\nselect :a, :b;', '\nselect 1, 2;'],
    ['with SQL behind \\\\', '\\set a 1 \\\\ select :a;', ' select 1;'],
    ['at the end of the text', '\\set a 1\nselect :a', '\nselect 1'],
  ])('%s', (_, text, sql) => {
    const expanded = run(text);
    expect(places(expanded)).toEqual([]);
    expect(sqlOf(expanded)).toBe(sql);
  });

  test.each([
    'select :x, :\'x\', :"x"',
    'select a::int, b[1:2], c[:x], d := 1',
    "select ':a', \":a\", $$ :a $$, E':a' -- :a\n /* :a */",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what other tools replace
    "select '${a} %(a)s {{a}} \\a'",
    "select '12:30', '{\"a\":1}'::jsonb",
  ])('what is no set variable is left as it is: %s', (text) => {
    expect(sqlOf(run(`\\set a 1\n${text}`))).toBe(`\n${text}`);
    expect(sqlOf(run(text))).toBe(text);
  });

  test.each(['\\set AUTOCOMMIT off', '\\set SINGLELINE on'])(
    '%s is refused: it changes what the file means',
    (text) => {
      expect(places(run(`select 1;\n${text}\n`))).toEqual([
        expect.stringMatching(/^001_a\.sql:2:1 \\set [A-Z]+ changes/),
      ]);
    },
  );

  test('settings that stop at errors are what a runner does anyway', () => {
    expect(places(run('\\set ON_ERROR_STOP on\n\\set VERBOSITY verbose\n\\set QUIET 1\nselect 1;'))).toEqual([]);
  });

  test.each([
    ["\\set a 'x", 'unterminated quoted string'],
    ['\\set a "x', 'unterminated quoted string'],
    ['\\set a `date`', 'shell commands are not run'],
    ["\\echo 'x", 'unterminated quoted string'],
    ["\\i 'x", 'unterminated quoted string'],
  ])('%s is a problem, not a guess', (text, message) => {
    expect(places(run(`${text}\nselect 1;`))).toEqual([`001_a.sql:1:1 ${text.split(' ')[0]}: ${message}`]);
  });
});

describe('commands', () => {
  test('\\echo, \\qecho and \\warn are told, in order', () => {
    const expanded = run("\\set who world\n\\echo hello :who\n\\qecho 'a;  b'\n\\warn c -- d\nselect 1;");
    expect(expanded.echoes).toEqual(['hello world', 'a;  b', 'c -- d']);
    expect(sqlOf(expanded)).toBe('\n\n\n\nselect 1;');
  });

  test('\\restrict and \\unrestrict, which pg_dump writes, do nothing', () => {
    const expanded = run('\\restrict fq3aBc\nselect 1;\n\\unrestrict fq3aBc\n');
    expect([places(expanded), sqlOf(expanded)]).toEqual([[], '\nselect 1;\n\n']);
  });

  test.each([
    ['\\if true', '\\if'],
    ['\\endif', '\\endif'],
    ['\\gset', '\\gset'],
    ['\\gexec', '\\gexec'],
    ['\\g', '\\g'],
    ['\\copy t from data.csv', '\\copy'],
    ['\\connect other', '\\connect'],
    ['\\c other', '\\c'],
    ['\\! rm -rf /', '\\!'],
    ['\\d+ t', '\\d'],
    ['\\include_absolute x', '\\include_absolute'],
    ['\\.', '\\.'],
    ['\\;', '\\;'],
    ['\\\\', '\\\\'],
    ['\\é', '\\é'],
    ['\\prompt x y \\echo z', '\\prompt'],
  ])('%s is an error with its place, never dropped', (command, name) => {
    expect(places(run(`select 'é', 1 ${command}\nselect 2;`))).toEqual([
      `001_a.sql:1:15 psql command ${name} cannot be carried out`,
    ]);
  });

  test('every one of them is reported, not the first alone', () => {
    expect(places(run('\\if 1\nselect 1;\n  \\else\nselect 2;\n\\endif'))).toEqual([
      '001_a.sql:1:1 psql command \\if cannot be carried out',
      '001_a.sql:3:3 psql command \\else cannot be carried out',
      '001_a.sql:5:1 psql command \\endif cannot be carried out',
    ]);
  });

  test.each([
    "select 'c:\\temp\\i x'",
    "select E'\\\\i'",
    "do $$ begin raise '\\i'; end $$",
    '-- \\i x',
    '/* \\if */',
    'select "a\\b"',
  ])('a backslash in %s is no command', (text) => {
    expect(run(text)).toMatchObject({ problems: [], includes: [] });
    expect(sqlOf(run(text))).toBe(text);
  });
});

describe('\\i and \\ir', () => {
  test('put the other file in place, again as often as it is named', () => {
    const expanded = run('select 1;\n\\i b.sql\n\\include b.sql\nselect 3;', among({ 'b.sql': 'select 2;\n' }));
    expect(sqlOf(expanded)).toBe('select 1;\nselect 2;\n\nselect 2;\n\nselect 3;');
    expect(expanded.includes.map((i) => i.file)).toEqual(['b.sql', 'b.sql']);
  });

  test('variables are shared both ways', () => {
    const read = among({ 'b.sql': 'select :a;\n\\set b 2\n' });
    expect(sqlOf(run('\\set a 1\n\\i b.sql\nselect :b;', read))).toBe('\nselect 1;\n\n\nselect 2;');
  });

  test('the last statement of a file ends with it, as in psql', () => {
    const read = among({ 'b.sql': 'select 2 -- no semicolon', 'c.sql': '-- nothing', 'd.sql': 'select 4;' });
    expect(sqlOf(run('\\i b.sql\nselect 3;\n\\i c.sql\n\\i d.sql\nselect 5', read))).toBe(
      'select 2 -- no semicolon\n;\nselect 3;\n-- nothing\nselect 4;\nselect 5',
    );
  });

  test('what a file leaves open does not swallow the file around it: reported where it begins', () => {
    const read = among({ 'b.sql': "select 1;\nselect 'x" });
    expect(places(run("\\i b.sql\n'; drop table t;", read))).toEqual(['b.sql:2:8 unterminated string']);
  });

  test('inside a statement they are refused', () => {
    expect(places(run('select\n\\i b.sql\n1;', among({ 'b.sql': 'select 2;' })))).toEqual([
      '001_a.sql:2:1 \\i inside a statement',
    ]);
  });

  test('a circle is refused, over however many files', () => {
    const read = among({ 'b.sql': '\\i c.sql', 'c.sql': 'select 1;\n \\i b.sql', '001_a.sql': '' });
    expect(places(run('\\i b.sql', read))).toEqual(['c.sql:2:2 b.sql includes itself']);
    expect(places(run('\\i 001_a.sql', read))).toEqual(['001_a.sql:1:1 001_a.sql includes itself']);
  });

  test('without a name they are refused', () => {
    expect(places(run('\\i'))).toEqual(['001_a.sql:1:1 no file to include']);
  });

  const FILES: Files = {
    '001_a.sql': '',
    'parts/b.sql': 'select 2;\r\n',
    "parts/it's; é.sql": '\uFEFFselect 3;',
    'parts/deep/c.sql': '\\ir ../b.sql\n\\i parts/b.sql\n',
    '..hidden/d.sql': 'select 4;',
  };

  test.each([
    ['\\i parts/b.sql', 'select 2;\n'],
    ['\\i ./parts/../parts/b.sql', 'select 2;\n'],
    ["\\i 'parts/it''s; é.sql'", 'select 3;'],
    ['\\ir parts/b.sql', 'select 2;\n'],
    ['\\i parts/deep/c.sql', 'select 2;\n\nselect 2;\n\n'],
    ['\\i ..hidden/d.sql', 'select 4;'],
    ["\\set name 'b.sql'\n\\i parts/:name", '\nselect 2;\n'],
  ])('%s reads the file of the folder', async (text, sql) => {
    const { include } = readFolder(await makeFolder(FILES), 900);
    const expanded = run(text, include);
    expect([places(expanded), sqlOf(expanded)]).toEqual([[], sql]);
  });

  test.each([
    ['\\i ../secret.sql', 'lies outside of the folder'],
    ['\\ir ../secret.sql', 'lies outside of the folder'],
    ['\\i /etc/passwd', 'lies outside of the folder'],
    ['\\i link.sql', 'lies outside of the folder'],
    ['\\i linked/secret.sql', 'lies outside of the folder'],
    ['\\i ..', 'lies outside of the folder'],
    ['\\i nowhere.sql', 'no such file'],
    ['\\i parts', 'not a file'],
    ['\\i broken.sql', 'no such file'],
    ['\\i loop.sql', 'a circle of links'],
  ])('%s is refused', async (text, message) => {
    const root = await makeFolder({ 'secret.sql': 'select secret;', 'sql/001_a.sql': '', 'sql/parts/b.sql': '' });
    const dir = join(root, 'sql');
    await symlink('../secret.sql', join(dir, 'link.sql'));
    await symlink('..', join(dir, 'linked'));
    await symlink('gone.sql', join(dir, 'broken.sql'));
    await symlink('loop.sql', join(dir, 'loop.sql'));
    const expanded = run(`select 1;\n${text}`, readFolder(dir, 900).include);
    expect(places(expanded)).toEqual([expect.stringMatching(new RegExp(`^001_a\\.sql:2:1 .*${message}`))]);
    expect(sqlOf(expanded)).not.toContain('secret');
  });

  test('a folder reached by a link is one folder', async () => {
    const root = await makeFolder({ 'real/b.sql': 'select 2;' });
    await mkdir(join(root, 'x'));
    await symlink('../real', join(root, 'x/sql'));
    expect(sqlOf(run('\\i b.sql', readFolder(join(root, 'x/sql'), 900).include))).toBe('select 2;');
  });
});

describe('rows for COPY ... FROM STDIN', () => {
  const rows = (expanded: Expanded) => expanded.copies.map((c) => Buffer.from(c.rows).toString());

  test('are set apart from the SQL, byte for byte', () => {
    const data = "1\ta;b\n2\tit's\n3\t\\N\n4\t\\\\.\n5\t-- no comment /* $$\n6\t\\set x\n\\.x\n :v\n";
    const expanded = run(`\\set v 1\ncopy t (a, b) from stdin;\n${data}\\.\nselect 1;`);
    expect(places(expanded)).toEqual([]);
    expect(rows(expanded)).toEqual([data]);
    expect(sqlOf(expanded)).toBe('\ncopy t (a, b) from stdin;\nselect 1;');
    expect(expanded.copies[0]!.behind).toBe('\ncopy t (a, b) from stdin;'.length);
  });

  test.each([
    'COPY t FROM STDIN;',
    'Copy t From StdIn;',
    'copy "t;" ("a b") from stdin with (format csv, delimiter \';\');',
    'copy t from stdin csv header where a > 1;',
    'copy s.t\n  from -- here\n stdin ;',
    'select 1; copy t from stdin; -- the rows follow',
  ])('follow %s', (statement) => {
    const expanded = run(`${statement}\na\n\\.\nselect 2;`);
    expect([places(expanded), rows(expanded)]).toEqual([[], ['a\n']]);
    expect(sqlOf(expanded)).toMatch(/;.*\nselect 2;$/);
    expect(sqlOf(expanded)).not.toContain('\\.');
  });

  test.each([
    "copy t from 'stdin';",
    'copy t to stdout;',
    'copy (select a from stdin) to stdout;',
    "select 'copy t from stdin;';",
    'select * from stdin;',
    'copy t from "stdin";',
    'create table copy (a int); select 1 from stdin;',
    '-- copy t from stdin;',
  ])('do not follow %s', (statement) => {
    expect(rows(run(`${statement}\nselect 1;`))).toEqual([]);
  });

  test('may run to the end of the file', () => {
    expect(rows(run('copy t from stdin;\n1\n2'))).toEqual(['1\n2']);
    expect(rows(run('copy t from stdin;\n1\n2\n'))).toEqual(['1\n2\n']);
    expect(rows(run('copy t from stdin;\n\\.'))).toEqual(['']);
    expect(rows(run('copy t from stdin;\n'))).toEqual(['']);
    expect(rows(run('copy t from stdin;'))).toEqual(['']);
  });

  test('each COPY has its own', () => {
    const expanded = run(
      'copy a from stdin;\n1\n\\.\n\ncopy b from stdin;\n\\.\nselect 1; copy c from stdin;\n3\n\\.\n',
    );
    expect(rows(expanded)).toEqual(['1\n', '', '3\n']);
    expect(expanded.copies.map((c) => sqlOf(expanded).slice(0, c.behind).split(';').length - 1)).toEqual([1, 2, 4]);
  });

  test('SQL on the line of the semicolon is refused: it would be taken for data', () => {
    expect(places(run('copy t from stdin; select 1;\n1\n\\.\n'))).toEqual([
      '001_a.sql:1:20 text behind COPY ... FROM STDIN; on its line',
    ]);
  });

  test('may lie in an included file, and end with it', () => {
    const expanded = run('\\i b.sql\nselect 1;', among({ 'b.sql': 'copy t from stdin;\n1' }));
    expect([rows(expanded), sqlOf(expanded)]).toEqual([['1'], 'copy t from stdin;\nselect 1;']);
  });

  test('a variable may stand in the statement', () => {
    expect(rows(run('\\set t tasks\ncopy :t from stdin;\n1\n\\.\n'))).toEqual(['1\n']);
  });

  test('in a body of a function they are none', () => {
    const body = 'create function f() returns int begin atomic select 1; select 2; end;\ncopy t from stdin;\n1\n\\.\n';
    expect(rows(run(body))).toEqual(['1\n']);
  });

  test('a file that mentions stdin far behind its beginning is looked through', () => {
    for (const offset of [0, 1, 2, 3, 4, 5]) {
      const text = `${' '.repeat(1024 * 1024 - offset - 12)}copy t from sTdIn;\n1\n`;
      expect(rows(run(text)), String(offset)).toEqual(['1\n']);
    }
  });
});

describe('a place in the SQL is found in the file it comes from', () => {
  const read = among({ 'b.sql': '-- é\nselect  bad;\n' });
  const text =
    "select 'é', first;\n\\set v 'long value'\n\\i b.sql\nselect :'v', second;\ncopy t from stdin;\n1\n2\n\\.\n  third;";
  const expanded = run(text, read);

  test.each([
    ['first', '001_a.sql', 1, 13],
    ['bad', 'b.sql', 2, 9],
    ["'long value'", '001_a.sql', 4, 8],
    ['value', '001_a.sql', 4, 8],
    ['second', '001_a.sql', 4, 14],
    ['third', '001_a.sql', 9, 3],
  ])('%s', (word, file, line, column) => {
    const place = expanded.locate(Buffer.from(expanded.sql).indexOf(word));
    expect(place).toMatchObject({ file, line, column });
    if (word !== 'value' && !word.startsWith("'"))
      expect(Buffer.from(place.text.subarray(place.offset)).toString()).toMatch(new RegExp(`^${word}`));
  });

  test('in a plain file, and in an empty one', () => {
    expect(run('a\r\nbc').locate(4)).toMatchObject({ file: '001_a.sql', line: 2, column: 2 });
    expect(run('').locate(0)).toMatchObject({ line: 1, column: 1 });
  });

  test.each([
    ['', 0, 1, 1],
    ['abc', 3, 1, 4],
    ['a\nb\nc', 4, 3, 1],
    ['a\n', 1, 1, 2],
    ['a\n', 2, 2, 1],
    ['😀é\n😀x', 11, 2, 2],
  ])('%j, byte %d is line %d, column %d, counted in characters', (content, offset, line, column) => {
    expect(lineOf(Buffer.from(content), offset)).toEqual({ line, column });
  });
});
