import { describe, expect, test } from 'vitest';
import { collisions, columnsNeeded, type Definition, parseDefinition } from '../../src/diagnostics/definition.ts';

const HEADER = {
  Title: 'Visits are short',
  Category: 'queries',
  Severity: 'warning',
  Message: '{object} takes {seconds:duration}',
  Remediation: 'vacuum {table};',
  Why: 'Long ones wait.',
  Manual: '9.2',
};

function fileOf(changes: Readonly<Record<string, string | undefined>> = {}, query = 'select 1 as object;'): string {
  const keys = Object.entries({ ...HEADER, ...changes }).filter(([, value]) => value !== undefined);
  return `${keys.map(([key, value]) => `-- ${key}:${value!.startsWith('\n') ? '' : ' '}${value}`).join('\n')}\n\n${query}\n`;
}

function parse(
  changes: Readonly<Record<string, string | undefined>>,
  query?: string,
  file = 'long-visit.sql',
): Definition {
  const parsed = parseDefinition(file, fileOf(changes, query));
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.definition;
}

function problemsOf(text: string): readonly string[] {
  const parsed = parseDefinition('long-visit.sql', text);
  return 'problems' in parsed ? parsed.problems : [];
}

test('a header becomes a definition whose id is the name of the file', () => {
  const definition = parse({
    Severity: undefined,
    Thresholds: '\n-- - warning: seconds >= 2 min and share > 5 %\n-- - critical: bytes >= 1.5 GB',
    Needs:
      '\n-- - extension pg_stat_statements\n-- - role pg_read_all_stats\n-- - table public.visit (id, kind)\n-- - setting track_io_timing = on',
    Table: '\n-- - seconds:duration as Time taken',
    'Window-Days': '30',
    'Min-PG': '14',
    'Max-PG': '16',
    Why: 'Long ones\n--   wait, and\n--   so do others.',
  });
  expect(definition).toMatchObject({
    id: 'long-visit',
    category: 'queries',
    minPg: 14,
    maxPg: 16,
    windowDays: 30,
    why: 'Long ones wait, and so do others.',
    thresholds: [
      {
        severity: 'warning',
        conditions: [
          { column: 'seconds', operator: '>=', value: 120 },
          { column: 'share', operator: '>', value: 5 },
        ],
      },
      { severity: 'critical', conditions: [{ column: 'bytes', operator: '>=', value: 1.5 * 1024 ** 3 }] },
    ],
    needs: [
      { kind: 'extension', name: 'pg_stat_statements' },
      { kind: 'role', name: 'pg_read_all_stats' },
      { kind: 'table', schema: 'public', name: 'visit', columns: ['id', 'kind'] },
      { kind: 'setting', name: 'track_io_timing', value: 'on' },
    ],
    table: [{ column: 'seconds', format: 'duration', heading: 'Time taken' }],
    sql: 'select 1 as object;',
  });
});

test('the query has to return what the header quotes, compares and shows', () => {
  const definition = parse({
    Severity: undefined,
    Thresholds: '\n-- - info: share > 5',
    Table: '\n-- - heading as Heading',
    'Window-Days': '30',
  });
  expect([...columnsNeeded(definition)].sort()).toEqual(
    ['heading', 'object', 'seconds', 'share', 'table', 'window_days'].sort(),
  );
});

describe('a wrong header is refused with everything that is wrong with it:', () => {
  test('several at once', () => {
    const text = fileOf({ Title: undefined, Category: 'quieries', Mesage: 'x', Severity: 'high', 'Min-PG': 'ten' }, '');
    expect(problemsOf(text).toSorted()).toEqual([
      'Category is none of queries, connections, bloat, vacuum, indexes, stats, orphans, schema, security, users, campaigns, capacity, archive',
      'Min-PG is not a major version such as 16',
      'Severity is none of info, warning, critical',
      'Title is missing',
      'there is no query below the header',
      'unknown key Mesage, did you mean Message?',
    ]);
  });

  test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    ['a misspelt placeholder', { Message: 'takes {Seconds}' }, 'Message: a brace is no part of a placeholder'],
    ['an unknown format', { Message: 'takes {seconds:hours}' }, '{seconds:hours}: no format "hours"'],
    ['severity and thresholds', { Thresholds: '\n-- - info: x > 1' }, 'Severity and Thresholds exclude each other'],
    ['a threshold without severity', { Severity: undefined, Thresholds: '\n-- - x > 1' }, 'does not begin with one of'],
    ['a threshold with a bad unit', { Severity: undefined, Thresholds: '\n-- - info: x > 1 mb' }, 'is not a condition'],
    ['a need nobody knows', { Needs: '\n-- - superuser' }, '"superuser" is none of: extension NAME'],
    ['a list as a text', { Needs: 'role pg_monitor' }, 'Needs is a list'],
    ['a text as a list', { Message: '\n-- - takes long' }, 'Message is a text'],
    ['a table column without heading', { Table: '\n-- - seconds' }, '"seconds" is not "column as Heading"'],
    ['no message', { Message: undefined }, 'Message is missing'],
    ['no remediation', { Remediation: undefined }, 'Remediation is missing'],
    ['nothing to show', { Severity: undefined, Message: undefined, Remediation: undefined }, 'nothing would be shown'],
    ['versions the wrong way round', { 'Min-PG': '17', 'Max-PG': '15' }, 'Min-PG is above Max-PG'],
  ])('%s', (_, changes, problem) => {
    expect(problemsOf(fileOf(changes)).join('\n')).toContain(problem);
  });

  test('a key given twice, and a comment that is no key', () => {
    expect(problemsOf(`-- Title: again\n-- what is this?\n${fileOf()}`)).toEqual([
      'line 2: neither "-- Key: text" nor part of one; leave a line empty above comments',
      'line 3: Title is given twice',
    ]);
  });
});

describe('two files of one check', () => {
  const of = (file: string, changes: Record<string, string>) =>
    parse({ Id: 'long-visit', ...changes }, undefined, file);

  test('are its variants when their versions are apart', () => {
    const [old, now] = [of('old.sql', { 'Max-PG': '16' }), of('now.sql', { 'Min-PG': '17' })];
    expect([old.id, now.id]).toEqual(['long-visit', 'long-visit']);
    expect(collisions([old, now])).toEqual([]);
  });

  test('are refused when a server could run both, or they are two things', () => {
    expect(collisions([of('old.sql', { 'Max-PG': '17' }), of('now.sql', { 'Min-PG': '17' })])).toEqual([
      'old.sql and now.sql are both check long-visit on the same versions: Min-PG and Max-PG must part them',
    ]);
    expect(
      collisions([of('old.sql', { 'Max-PG': '16' }), of('now.sql', { 'Min-PG': '17', Category: 'stats' })]),
    ).toEqual(['old.sql and now.sql are check long-visit and differ in Title or Category']);
  });
});
