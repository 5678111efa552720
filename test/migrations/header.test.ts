import { describe, expect, test } from 'vitest';
import { dependenciesOf } from '../../src/migrations/check-scripts.ts';
import { headerLine, headerList, headerValue, parseHeader } from '../../src/migrations/header.ts';
import { timeoutProblems, timeoutsOf } from '../../src/migrations/timeouts.ts';

const header = (text: string) => parseHeader(Buffer.from(text));

const MANUAL = `-- ============================================
-- Migration: 053_add_tasks.sql
-- Description: Tasks: with; a "colon" -- and é
-- Date: 2026-04-24
-- Author: O'Brien <o@example.org>
-- Dependencies: 001_init.sql, 012
-- Rollback: ROLLBACK_053_add_tasks.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - task
--
-- - task_comment
-- Modified Tables: users
-- - roles
--
-- Lock-Timeout: 1s

create table task (id int);
-- Author: not in the header any more
`;

describe('the header of the manual', () => {
  test.each([
    ['with LF', MANUAL],
    ['with CRLF', MANUAL.replaceAll('\n', '\r\n')],
    ['with a byte order mark', `\uFEFF${MANUAL}`],
    ['indented', MANUAL.replaceAll('-- ', '  --   ')],
    ['without spaces', MANUAL.replaceAll('-- ', '--').replaceAll(': ', ':')],
  ])('%s', (_, text) => {
    const found = header(text);
    expect(found.problems).toEqual([]);
    expect(headerValue(found, 'Migration')).toBe('053_add_tasks.sql');
    expect(headerValue(found, 'Author')).toBe("O'Brien <o@example.org>");
    expect(headerValue(found, 'Breaking Changes')).toBeUndefined();
    expect(headerValue(found, 'Lock-Timeout')).toBe('1s');
    expect(headerLine(found, 'Lock-Timeout')).toBe(20);
    expect(headerLine(found, 'Statement-Timeout')).toBe(1);
    expect(headerList(found, 'Dependencies')).toEqual(['001_init.sql', '012']);
  });

  test('a list key takes its line and the items below it', () => {
    const found = header(MANUAL);
    expect(headerList(found, 'New Tables')).toEqual(['task', 'task_comment']);
    expect(headerList(found, 'Modified Tables')).toEqual(['users', 'roles']);
    expect(headerList(found, 'Indexes Added')).toEqual([]);
  });

  test.each(['None', 'none', 'None.', 'N/A', '-', '--', 'No', 'none (first file)', ''])('%j is no entry', (value) => {
    expect(headerList(header(`-- Dependencies: ${value}\n`), 'Dependencies')).toEqual([]);
    expect(headerList(header(`-- Dependencies:\n-- - ${value}\n`), 'Dependencies')).toEqual([]);
  });

  test('a comment between ends the list', () => {
    expect(headerList(header('-- New Tables:\n-- - a\n-- Steps to take:\n-- - b\n'), 'New Tables')).toEqual(['a']);
  });

  test('keys are found whatever their case', () => {
    expect(headerValue(header('-- MIGRATION: a\n-- breaking  changes: b\n'), 'Migration')).toBe('a');
  });

  test('a key given twice is a problem; the first counts', () => {
    const found = header('-- Author: a\n-- note\n-- author: b\n');
    expect(found.problems).toEqual([{ line: 3, message: 'header key "author" is given twice' }]);
    expect(headerValue(found, 'Author')).toBe('a');
  });

  test.each([
    '-- http://example.org: x',
    '-- Note: x',
    '-- Time: 12:30',
    '--: x',
    '-- Migration',
    '/* Migration: x */',
    '-- x Migration: y',
  ])('%j is a comment like any other', (text) => {
    const found = header(`${text}\nselect 1;`);
    expect([found.fields.size, found.problems]).toEqual([0, []]);
  });

  test('it ends where the SQL begins', () => {
    expect(header('\n\n-- Author: a\n\nselect 1; -- Date: x\n-- Date: y').fields.size).toBe(1);
    expect(header('select 1;\n-- Author: a').fields.size).toBe(0);
    expect(header('').fields.size).toBe(0);
  });

  test('it is not looked for behind 64 KiB of comments', () => {
    expect(header(`${'-- x\n'.repeat(20_000)}-- Author: a\n`).fields.size).toBe(0);
  });
});

describe('directives', () => {
  test.each(['none', 'None', 'FILE'])('Transaction: %s', (value) => {
    expect(header(`-- Transaction: ${value}`).problems).toEqual([]);
  });

  test.each(['off', 'statement', 'none please', "'none'"])('Transaction: %s is a problem with its line', (value) => {
    expect(header(`-- x\n-- Transaction:${value}`).problems).toEqual([
      { line: 2, message: `header key "Transaction" must be "none" or "file", got "${value}"` },
    ]);
  });

  test('On-Interruption: repeat or ask', () => {
    expect(header('-- On-Interruption: Repeat').problems).toEqual([]);
    expect(header('-- On-Interruption: go on').problems).toEqual([
      { line: 1, message: 'header key "On-Interruption" must be "repeat" or "ask", got "go on"' },
    ]);
  });

  test('time limits of the file', () => {
    const found = header('-- Lock-Timeout: 500ms\n-- Statement-Timeout: 10min\n');
    expect([timeoutsOf(found), timeoutProblems(found)]).toEqual([
      { lockTimeoutMs: 500, statementTimeoutMs: 600_000 },
      [],
    ]);
    expect(timeoutsOf(header('-- Lock-Timeout:\n'))).toEqual({});
  });

  test('what is no duration is a problem with its line', () => {
    expect(timeoutProblems(header('-- x\n-- Lock-Timeout: soon\n-- Statement-Timeout: 5\n'))).toEqual([
      { line: 2, message: expect.stringContaining('"Lock-Timeout" is no duration: soon') },
      { line: 3, message: expect.stringContaining('"Statement-Timeout" is no duration: 5') },
    ]);
  });
});

test.each([
  ['001_init.sql', ['001_init.sql']],
  ['001_init.sql (the tables), 12, 155a (x)', ['001_init.sql', '12', '155a']],
  ['011_enable_rls', ['011_enable_rls']],
  ['2025-12-17_x, 2025-12-17, 20251217', ['2025-12-17_x', '2025-12-17', '20251217']],
  ["it's; é.sql", ["it's; é.sql"]],
  ['PostgreSQL 15, pgcrypto, the tables of May', []],
  ['None', []],
])('dependencies %j are %j; free text is none', (value, expected) => {
  expect(dependenciesOf(header(`-- Dependencies: ${value}\n`))).toEqual(expected);
});
