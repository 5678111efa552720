import { describe, expect, test } from 'vitest';
import type { CatalogEntry } from '../../src/backup/compare.ts';
import { omitFromList } from '../../src/backup/contents-list.ts';
import { indexesWithout, planStubs } from '../../src/backup/plan-stubs.ts';
import { lackOf, RefusedEntries, rowsWithout, unexplained } from '../../src/backup/refused-entries.ts';

const entry = (kind: string, name: string, definition = '', schema = 'public'): CatalogEntry => ({
  kind,
  name,
  schema,
  definition,
});

const column = (name: string, type: string) => entry('column', name, `${type} null; default none; identity `);

describe('stubs', () => {
  const GEO = { name: 'geo', version: '1', schema: 'My "ext"' };

  test('of an extension that nobody knows give the types that columns have, once each, and no others', () => {
    const catalog = [
      column('public.a.x', '"My ""ext""".shape'),
      column('public.a.y', '"My ""ext""".shape[]'),
      column('public.a.z', '"My ""ext""".path(4)'),
      column('public.a.own', '"My ""ext""".own'),
      column('public.a.text', 'text'),
      entry('type', '"My ""ext""".own', 'e', 'My "ext"'),
    ];
    const { sql } = planStubs([GEO], [], catalog);
    expect(sql.match(/create type \S+ \S+ \(/g)).toEqual([
      'create type "My ""ext""".shape (',
      'create type "My ""ext""".path (',
    ]);
    expect(sql).toMatch(/"My ""ext""".path_?.*typmod_in = varchartypmodin/s);
  });

  test('leave alone what is there already, and the schemas that a backup holds to their owners', () => {
    const catalog = [entry('schema', 'extensions', 'owner it\'s "me"; grants none', 'extensions')];
    const net = { name: 'pg_net', version: '1', schema: 'extensions' };
    const { sql, omissions } = planStubs([net], [], catalog);
    expect(sql).toContain('create schema "extensions" authorization "it\'s ""me""";');
    expect(sql).toContain('alter extension "pg_net" add schema "net";');
    expect(omissions.schemas).toEqual([{ name: 'extensions', owner: 'it\'s "me"' }]);
  });

  test('take no grants on members of the extension, and those on all else', () => {
    const list = [
      '1; 0 0 ACL extensions FUNCTION armor(bytea) postgres',
      '2; 0 0 ACL extensions FUNCTION mine(a integer) postgres',
      '3; 0 0 ACL extensions TABLE "odd ""t" postgres',
      '4; 0 0 ACL extensions COLUMN mytable.a postgres',
      '5; 0 0 ACL - SCHEMA extensions postgres',
      '6; 0 0 ACL - SCHEMA net postgres',
      '7; 0 0 ACL net FUNCTION http_get(text) postgres',
      '8; 0 0 ACL other FUNCTION armor(bytea) postgres',
    ];
    const grantsIn = [
      { schema: 'extensions', known: ['mine', 'odd t', 'mytable'] },
      { schema: 'net', known: [] },
    ];
    const kept = omitFromList(list.join('\n'), { extensions: [], foreignKeys: [], grantsIn });
    expect(kept.split('\n').map((line) => line[0])).toEqual(['2', '3', '4', '5', '8']);
  });

  test('cannot stand in for an access method: its indexes are left out, whatever they are called', () => {
    const using = (method: string) => `CREATE INDEX "a USING hnsw (" ON public."t USING hnsw (" USING ${method} (x)`;
    const catalog = [
      entry('index', 'public."a USING hnsw ("', using('btree')),
      entry('index', 'public.near', 'CREATE INDEX near ON ONLY public.docs USING hnsw (embedding) WITH (m=16)'),
    ];
    expect(indexesWithout(['btree'], catalog)).toMatchObject([
      { schema: 'public', name: 'near', accessMethod: 'hnsw' },
    ]);
    const list = '1; 1259 1 INDEX public near postgres\n2; 1259 2 INDEX public near_too postgres';
    const kept = omitFromList(list, { extensions: [], foreignKeys: [], indexes: indexesWithout(['btree'], catalog) });
    expect(kept).toBe('2; 1259 2 INDEX public near_too postgres');
  });
});

describe('what a server refuses for want of an extension', () => {
  const LIST = `
10; 1259 1 TABLE public shapes app owner
11; 0 1 TABLE DATA public shapes app owner
12; 1259 2 VIEW public areas app owner
13; 1255 3 FUNCTION public lost(integer) app owner
14; 3256 4 POLICY public other own app owner`;
  const CATALOG = [
    entry('table', 'public.shapes'),
    entry('view', 'public.areas'),
    entry('function', 'public.lost(integer)'),
    entry('table', 'public.other'),
    entry('policy', 'public.other own'),
  ];

  const refusedBy = (...lines: readonly string[]) => {
    const refused = new RefusedEntries(LIST, ['app owner']);
    for (const line of lines) refused.hear(line);
    return refused.entries;
  };
  const said = (id: number, message: string) => [
    `pg_restore: from TOC entry ${id}; 1259 1 TABLE shapes app owner`,
    `pg_restore: error: could not execute query: ERROR:  ${message}`,
  ];

  test('is told from what is missing in the backup itself', () => {
    const refused = refusedBy(
      ...said(10, 'type "ext.shape" does not exist'),
      ...said(11, 'relation "public.shapes" does not exist'),
      ...said(12, 'function ext.area(ext.shape) does not exist'),
      // The dump should have made it before: nothing of an extension.
      ...said(14, 'function public.lost(integer) does not exist'),
    );
    const lack = lackOf(refused, CATALOG);
    expect(lack.excused.map(({ kind, object }) => `${kind} ${object}`)).toEqual([
      'TABLE public shapes',
      'TABLE DATA public shapes',
      'VIEW public areas',
    ]);
    expect(lack.unclear).toMatchObject([{ kind: 'POLICY', object: 'public other own' }]);
    const content = { schema: 'public', name: 'shapes', rows: 3, fingerprint: '1', method: 'columns' } as const;
    expect(rowsWithout(lack, [content])).toEqual(['table public.shapes: 3 rows']);
    expect(rowsWithout(lack, [{ ...content, rows: 0 }])).toEqual([]);
  });

  test('explains the differences that come of it, and no others', () => {
    const lack = lackOf(refusedBy(...said(12, 'function ext.area(ext.shape) does not exist')), CATALOG);
    const differ = (object: string) => ({ object, message: 'is missing after the restore' });
    const found = [
      'view public.areas',
      'view definition public.areas',
      'column public.areas.area',
      'view public.areas2',
      'policy public.other own',
      'table public.shapes',
    ].map(differ);
    expect(unexplained(found, lack, []).map(({ object }) => object)).toEqual([
      'view public.areas2',
      'policy public.other own',
      'table public.shapes',
    ]);
  });

  test.each([
    'duplicate key value violates unique constraint "a"',
    'null value in column "a" violates not-null constraint',
    'permission denied for schema x',
    'operator does not exist: integer || integer',
  ])('is never the reason for: %s', (message) => {
    expect(lackOf(refusedBy(...said(12, message)), CATALOG)).toMatchObject({ excused: [], unclear: [{ message }] });
  });
});
