import { describe, expect, test } from 'vitest';
import { sqlExcerpt } from '../../src/report/sql-error.ts';

/** The excerpt for the first place of `word` in a text, as the server would name it. */
function at(text: string, word: string, file?: string) {
  const position = [...text.slice(0, text.indexOf(word))].length + 1;
  return sqlExcerpt({ text, position, ...(file === undefined ? {} : { file }) });
}

test('is file, line and column, the line, and a pointer', () => {
  expect(at('select *\nfrom visist\nwhere id = 1;', 'visist', 'sql/012_x.sql')).toEqual({
    line: 2,
    column: 6,
    excerpt: ['sql/012_x.sql:2:6', '2 | from visist', '  |      ^'],
  });
});

test('needs no file', () => {
  expect(at('selec 1', 'selec').excerpt).toEqual(['1 | selec 1', '  | ^']);
});

describe('the position is in characters, the pointer in columns of the terminal', () => {
  test.each([
    ['umlauts', `select 'Ünïcödé', visist`, 19, '  |                   ^'],
    ['characters beyond 16 bits', `select '🏥', visist`, 13, '  |              ^'],
    ['double-width characters', `select '患者', visist`, 14, '  |                ^'],
    ['a combining mark', `select 'e\u0301', visist`, 14, '  |             ^'],
    ['a tab, shown as two spaces', '\tselect visist', 9, '  |          ^'],
  ])('%s', (_name, text, column, pointer) => {
    expect(at(text, 'visist')).toMatchObject({ line: 1, column, excerpt: [expect.any(String), pointer] });
  });
});

test.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('lines end with %s', (_name, ending) => {
  const { line, column, excerpt } = at(['select 1', '', 'from visist', 'where'].join(ending), 'visist');
  expect({ line, column, excerpt }).toEqual({ line: 3, column: 6, excerpt: ['3 | from visist', '  |      ^'] });
});

test('an error at the end of the input points behind the last word', () => {
  const text = 'select (1\n\n  ';
  expect(sqlExcerpt({ text, position: text.length + 1 })).toEqual({
    line: 1,
    column: 10,
    excerpt: ['1 | select (1', '  |          ^'],
  });
});

test.each([0, 1_000, Number.NaN])('a position that cannot be (%d) stays inside of the text', (position) => {
  expect(sqlExcerpt({ text: 'select 1', position }).line).toBe(1);
});

test('an empty text has a first line', () => {
  expect(sqlExcerpt({ text: '', position: 1 })).toEqual({ line: 1, column: 1, excerpt: ['1 |', '  | ^'] });
});

describe('a long line is cut to 80 columns around the error', () => {
  const filler = 'abcdefghi,'.repeat(30);

  test.each([
    ['in front', `visist, ${filler}`],
    ['in the middle', `${filler} visist, ${filler}`],
    ['at the end', `${filler} visist`],
    ['among double-width characters', `${'患'.repeat(90)} visist ${'者'.repeat(90)}`],
  ])('%s', (_name, text) => {
    const [line = '', pointer = ''] = at(text, 'visist').excerpt;
    expect(columns(line)).toBeLessThanOrEqual(80);
    expect(columns(line)).toBeGreaterThan(70);
    expect(line).toContain('…');
    expect(columns(line.slice(0, line.indexOf('visist')))).toBe(pointer.indexOf('^'));
  });

  test('of many megabytes is cut to the place', () => {
    const text = `insert into visits values ${"('a'), ".repeat(500_000)}('x', 1)`;
    expect(at(text, "'x'").excerpt[0]).toContain("'x', 1)");
  });
});

test('a control character of the file does not reach the terminal', () => {
  expect(at("select '\u001b[2J', visist", 'visist').excerpt[0]).toBe("1 | select '\\x1b[2J', visist");
});

function columns(text: string): number {
  return [...text].reduce((sum, character) => sum + (/[患者]/.test(character) ? 2 : 1), 0);
}
