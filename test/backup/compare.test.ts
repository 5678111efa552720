import { describe, expect, test } from 'vitest';
import {
  compareCatalogs,
  compareLargeObjects,
  compareSequences,
  compareTables,
  tablesNotCounted,
} from '../../src/backup/compare.ts';
import { omitFromList } from '../../src/backup/contents-list.ts';
import type { TableContent } from '../../src/backup/manifest.ts';
import { rolesSql } from '../../src/backup/scratch-roles.ts';

const content = (name: string, rows: number, fingerprint: string): TableContent => ({
  schema: 'public',
  name,
  rows,
  fingerprint,
  method: 'record',
});

describe('rows', () => {
  const before = [content('a', 3, '77'), content('b', 0, '0')];

  test('that are the same make no difference, in whatever order tables come', () => {
    expect(compareTables(before, [...before].reverse())).toEqual([]);
  });

  test.each([
    ['fewer', content('a', 2, '77'), 'has 2 rows after the restore and had 3'],
    ['others', content('a', 3, '78'), 'has other rows after the restore: 3 rows with another fingerprint'],
  ])('%s are told', (_name, changed, message) => {
    expect(compareTables(before, [changed, before[1]!])).toEqual([{ object: 'table public.a', message }]);
  });

  test('of a table that is gone are told, and of every table when there is none', () => {
    expect(compareTables(before, [])).toHaveLength(2);
  });
});

describe('a table that nobody counted', () => {
  const [a, b] = [content('a', 3, '77'), content('b', 0, '0')];

  test('is told in a full backup, which is to hold them all', () => {
    expect(tablesNotCounted({ kind: 'full', tables: [a] }, [a, b])).toEqual([
      { object: 'table public.b', message: 'is restored and was not counted' },
    ]);
    expect(tablesNotCounted({ kind: 'full', tables: [a, b] }, [a, b])).toEqual([]);
    expect(tablesNotCounted({ kind: 'tables', tables: [a] }, [a, b])).toEqual([]);
    expect(tablesNotCounted({ kind: 'schema', tables: [] }, [a, b])).toEqual([]);
  });

  test('is every one when a backup with rows names none: nothing would be compared', () => {
    for (const kind of ['full', 'tables'] as const) {
      expect(tablesNotCounted({ kind, tables: [] }, [])).toMatchObject([{ object: 'the backup' }]);
    }
  });
});

describe('sequences', () => {
  const at = (lastValue: string | null, increment = '1') => [{ schema: 's', name: 'n', lastValue, increment }];
  test.each([
    ['10', '10', '1', 0],
    ['10', '12', '1', 0],
    ['10', '9', '1', 1],
    ['10', null, '1', 1],
    [null, null, '1', 0],
    ['-10', '-12', '-1', 0],
    ['-10', '-9', '-1', 1],
    ['9223372036854775807', '9223372036854775806', '1', 1],
  ])('at %s and then %s, by %s: %i differences', (before, after, increment, count) => {
    expect(compareSequences(at(before, increment), at(after, increment))).toHaveLength(count);
  });

  test('that are gone are told', () => {
    expect(compareSequences(at('1'), [])).toHaveLength(1);
  });
});

test('large objects are compared by number and content, where the backup holds them', () => {
  const before = { count: 2, fingerprint: '5' };
  expect(compareLargeObjects(before, before)).toEqual([]);
  expect(compareLargeObjects(before, { count: 1, fingerprint: '5' })).toHaveLength(1);
  expect(compareLargeObjects(before, { count: 2, fingerprint: '6' })).toHaveLength(1);
  expect(compareLargeObjects(null, { count: 0, fingerprint: '0' })).toEqual([]);
});

test('a catalog differs by what is missing, what is new and what has changed', () => {
  const entry = (name: string, definition: string) => ({ kind: 'policy', name, schema: 'public', definition });
  const before = [entry('p', 'for all'), entry('q', 'x'), entry('same', '1')];
  expect(compareCatalogs(before, [entry('p', 'for select'), entry('same', '1'), entry('r', 'y')])).toEqual([
    { object: 'policy p', message: 'is for select after the restore and was for all' },
    { object: 'policy q', message: 'is missing after the restore' },
    { object: 'policy r', message: 'is there after the restore and was not there before' },
  ]);
});

describe('a view of one table, which PostgreSQL writes with shorter names from 16 on,', () => {
  const view = (definition: string) => [{ kind: 'view definition', name: 'public.v', schema: 'public', definition }];
  const BEFORE = `SELECT "T t"."a b", f.x(id) AS y, 'it''s "T t"."a b"' AS z FROM "s s"."T t" WHERE ("T t".n > 1.5)`;
  const AFTER = `SELECT "a b", f.x(id) AS y, 'it''s "T t"."a b"' AS z FROM "s s"."T t" WHERE (n > 1.5)`;
  const majors = { before: 15, after: 17 };

  test('is the same when only the name of its table is left out', () => {
    expect(compareCatalogs(view(BEFORE), view(AFTER), majors)).toEqual([]);
    expect(compareCatalogs(view(BEFORE), view(AFTER))).toHaveLength(1);
    expect(compareCatalogs(view(BEFORE), view(AFTER), { before: 16, after: 17 })).toHaveLength(1);
  });

  test.each([
    ['another column', AFTER.replace('"a b",', '"a c",')],
    ['another table', AFTER.replace('"s s"."T t"', '"s s".t')],
    ['another text', AFTER.replace(`it''s "T t".`, `it''s `)],
    ['a function of another schema', AFTER.replace('f.x(', 'x(')],
    ['another condition', AFTER.replace('1.5', '15')],
  ])('is not the same with %s', (_name, after) => {
    expect(compareCatalogs(view(BEFORE), view(after), majors)).toHaveLength(1);
  });
});

test('only whole entries of a table of contents are omitted', () => {
  const list = [
    '; comment',
    '2; 3079 16385 EXTENSION - pg_graphql ',
    '3; 3079 16386 EXTENSION - pg_graphql2 ',
    '4; 0 0 COMMENT - EXTENSION pg_graphql ',
    '5; 2606 17000 FK CONSTRAINT public or der a b fk app owner',
    '6; 2606 17001 FK CONSTRAINT public or der a b fk2 app owner',
  ];
  const key = { schema: 'public', table: 'or der', name: 'a\nb fk', owner: 'app owner', catalogName: '' };
  const kept = omitFromList(list.join('\n'), { extensions: [{ name: 'pg_graphql' }], foreignKeys: [key] });
  expect(kept.split('\n')).toEqual([list[0], list[2], list[5]]);
});

test('roles are made as they were, without log-in, and not twice', () => {
  const role = {
    superuser: false,
    bypassRls: true,
    login: true,
    inherit: false,
    createRole: true,
    createDatabase: true,
  };
  const roles = [
    { ...role, name: 'an "odd" role', memberOf: ['here'] },
    { ...role, name: 'here', memberOf: [] },
  ];
  expect(rolesSql(roles, ['here'])).toBe(
    'create role "an ""odd"" role" nologin nosuperuser bypassrls noinherit;\ngrant "here" to "an ""odd"" role";',
  );
});
