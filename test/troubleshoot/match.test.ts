import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseEntry } from '../../src/troubleshoot/entry.ts';
import { errorsIn } from '../../src/troubleshoot/errors-in-text.ts';
import { loadEntries } from '../../src/troubleshoot/load.ts';
import { findEntries, sqlStateOf } from '../../src/troubleshoot/match.ts';

const entries = loadEntries();
const found = (text: string) => findEntries(text, entries).map(({ entry, named, by }) => ({ id: entry.id, named, by }));
const ids = (text: string) => found(text).map(({ id }) => id);

/** What PostgreSQL's codes appendix says most often meets an application. */
const COMMON =
  `22001 22003 22007 22012 22P02 23502 23503 23505 23514 23P01 25001 25006 25P02 25P03 26000 28000 28P01 2BP01
  3D000 3F000 40001 40P01 42501 42601 42701 42703 42704 42710 42804 42883 42P01 42P05 42P07 42P10 42P17 53100 53200 53300
  54000 55006 55P03 57014 57P01 57P02 57P03 58P01 0A000 P0001`.split(/\s+/);

test.each([
  ['ERROR: relation "contacts" does not exist', 'relation-does-not-exist', { relation: 'contacts' }],
  [
    'relation "Weird "name" %" does not exist at character 15',
    'relation-does-not-exist',
    { relation: 'Weird "name" %' },
  ],
  ['FEHLER:  Relation »public.contacts« existiert nicht', 'relation-does-not-exist', { relation: 'public.contacts' }],
  ["ERREUR:  la relation « contacts » n'existe pas", 'relation-does-not-exist', { relation: 'contacts' }],
  ['ERROR:  no existe la relación «contacts»', 'relation-does-not-exist', { relation: 'contacts' }],
  ['ERRORE:  la relazione "contacts" non esiste', 'relation-does-not-exist', { relation: 'contacts' }],
  ['ОШИБКА:  отношение "contacts" не существует', 'relation-does-not-exist', { relation: 'contacts' }],
  ['错误:  关系 "contacts" 不存在', 'relation-does-not-exist', { relation: 'contacts' }],
  ['ERROR:  リレーション"contacts"は存在しません', 'relation-does-not-exist', { relation: 'contacts' }],
  ['오류:  "contacts" 이름의 릴레이션(relation)이 없습니다', 'relation-does-not-exist', { relation: 'contacts' }],
  ['permission denied for table contacts', 'permission-denied', { relation: 'contacts' }],
  ['new row violates row-level security policy for table "contacts"', 'row-level-security', { relation: 'contacts' }],
  ['remaining connection slots are reserved for non-replication superuser connections', 'too-many-connections', {}],
  ['Error: Connection terminated due to connection timeout', 'connection-timeout', {}],
  [
    'column "phone" of relation "contacts" already exists',
    'column-already-exists',
    { column: 'phone', relation: 'contacts' },
  ],
  [
    'column "phone" of relation "contacts" does not exist',
    'column-does-not-exist',
    { column: 'phone', relation: 'contacts' },
  ],
  [
    'constraint "x" for relation "contacts" already exists',
    'constraint-already-exists',
    { constraint: 'x', relation: 'contacts' },
  ],
  ['invalid input syntax for type uuid: "acme"', 'invalid-text', { type: 'uuid', value: 'acme' }],
  ['prepared statement "s1" already exists', 'prepared-statement', { statement: 's1' }],
])('%s', (text, id, named) => {
  expect(found(text)).toEqual([{ id, named, by: 'wording' }]);
});

test('the DETAIL of a duplicate key says which values, whatever the columns', () => {
  const text = `duplicate key value violates unique constraint "users_email_unique"\nDETAIL:  Key (lower(email::text))=(a@b.c) already exists.`;
  expect(found(text)).toEqual([
    {
      id: 'duplicate-key',
      by: 'wording',
      named: { constraint: 'users_email_unique', columns: 'lower(email::text)', values: 'a@b.c' },
    },
  ]);
});

test('a wording that is only like one is found by its words, and says that it is a guess', () => {
  expect(found('the relation contact does not exists')).toMatchObject([
    { id: 'relation-does-not-exist', by: 'likeness' },
  ]);
  expect(found('got: duplicte key violates unique constrant')[0]).toMatchObject({
    id: 'duplicate-key',
    by: 'likeness',
  });
  expect(found('la relación «contactos» no existe')[0]).toMatchObject({
    id: 'relation-does-not-exist',
    by: 'likeness',
  });
  expect(found('the cat sat on the mat')).toEqual([]);
  expect(found('boom')).toEqual([]);
});

test.each([
  ['42P01', '42P01'],
  [' 23505\n', '23505'],
  ['ERROR:  42P01: relation "x"', '42P01'],
  ['SQLSTATE[23505]: Unique violation', '23505'],
  ["{ code: '40P01' }", '40P01'],
  ['ERROR: hello world', undefined],
  ['users', undefined],
  ['ERROR', undefined],
])('the SQLSTATE of %j is %s', (text, state) => {
  expect(sqlStateOf(text)).toBe(state);
});

test('a SQLSTATE finds an entry even where the wording is unknown', () => {
  expect(found('SQLSTATE 40P01: wykryto zakleszczenie')).toEqual([{ id: 'deadlock', named: {}, by: 'SQLSTATE' }]);
});

test.each([
  ['statement timeout', 'statement-canceled'],
  ['lock timeout', 'lock-timeout'],
  ['null violation', 'null-violation'],
  ['timed out: connection', 'connection-timeout'],
])('the short form "%s" is found', (text, id) => {
  expect(ids(text)[0]).toBe(id);
});

describe('the catalogue', () => {
  test('has every common SQLSTATE', () => {
    const known = new Set(entries.flatMap(({ sqlStates }) => sqlStates));
    expect(COMMON.filter((state) => !known.has(state))).toEqual([]);
  });

  test('has every error of chapter 11 of the manual', () => {
    const chapter = [
      'relation does not exist',
      'duplicate key value violates unique constraint',
      'permission denied for table x',
      'too many connections for role "x"',
      'connection timeout',
      'column "a" of relation "b" already exists',
      'constraint "a" for relation "b" already exists',
    ];
    expect(chapter.filter((text) => ids(text).length === 0)).toEqual([]);
    for (const section of ['11.1', '11.2', '11.3', '11.4', '11.5']) {
      expect(
        entries.some(({ manual }) => manual === section),
        section,
      ).toBe(true);
    }
  });

  test('finds each entry by each of its own wordings, with what they name', () => {
    for (const entry of entries) {
      for (const wording of entry.matches) {
        const text = wording.replaceAll(/\{(\w+)\}/g, (_match, name: string) => `a_${name}`);
        const match = findEntries(text, entries).find((candidate) => candidate.entry === entry);
        expect(match, `${entry.id}: ${wording}`).toMatchObject({ by: 'wording' });
      }
    }
  });

  test('asks only for what a wording of the entry names', () => {
    for (const { id, matches, checks } of entries) {
      const names = new Set(matches.flatMap((wording) => [...wording.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)));
      expect(
        checks.flatMap(({ parameters }) => parameters.filter((name) => !names.has(name))),
        id,
      ).toEqual([]);
    }
  });

  test('names only commands that there are', () => {
    const files = readdirSync(resolve(import.meta.dirname, '../../src/commands'));
    const commands = new Set(files.map((file) => file.replace(/\.ts$/, '')));
    const text = entries.flatMap(({ causes, solutions }) => [...causes, ...solutions]).join('\n');
    const named = new Set([...text.matchAll(/aisha-db ([a-z-]+)/g)].map(([, name]) => name!));
    expect([...named].filter((name) => !commands.has(name) && !['runs', 'repeats'].includes(name))).toEqual([]);
  });

  test('says every problem of a file at once', () => {
    expect(
      parseEntry('x', '-- Title: x\n-- SQLSTATE: 4\n-- Colour: red\n-- Causes:\n-- - a\n\n-- Check: why?\n'),
    ).toEqual({
      problems: [
        'Colour is no key of an entry',
        'Manual is missing',
        'Matches is missing',
        'Solutions is missing',
        '"4" is no SQLSTATE',
        'the check "why?" has no question or no SQL',
      ],
    });
  });
});

test('a log gives its errors with what belongs to them, the same ones counted', () => {
  const log = readFileSync(resolve(import.meta.dirname, 'fixtures/server-log.txt'), 'utf8');
  expect(errorsIn(log)).toEqual([
    {
      text: 'ERROR:  relation "contacts" does not exist at character 15\nSTATEMENT:  select * from contacts',
      count: 2,
    },
    {
      text: 'ERROR:  duplicate key value violates unique constraint "t_pkey"\nDETAIL:  Key (id)=(1) already exists.\nSTATEMENT:  insert into t\nvalues (1)',
      count: 1,
    },
    { text: 'FATAL:  password authentication failed for user "app"', count: 1 },
  ]);
});

test('a log in another language is taken apart as well', () => {
  const log = `2026-11-27 10:00:00 UTC [1] ОШИБКА:  отношение "a" не существует\n2026-11-27 10:00:00 UTC [1] ОПЕРАТОР:  select
2026-11-27 10:00:01 UTC [2] СООБЩЕНИЕ:  контрольная точка\n2026-11-27 10:00:02 UTC [3] 错误:  关系 "a" 不存在`;
  expect(errorsIn(log)).toEqual([
    { text: 'ОШИБКА:  отношение "a" не существует\nОПЕРАТОР:  select', count: 1 },
    { text: '错误:  关系 "a" 不存在', count: 1 },
  ]);
});

test('a text without a severity is one message', () => {
  expect(errorsIn('relation "a"\ndoes not exist')).toEqual([{ text: 'relation "a"\ndoes not exist', count: 1 }]);
  expect(errorsIn(' \n')).toEqual([]);
});
