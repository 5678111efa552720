import { describe, expect, test } from 'vitest';
import { checkScripts } from '../../src/migrations/check-scripts.ts';
import { checkAlone } from '../../src/migrations/grammar-check.ts';
import { parseName } from '../../src/migrations/name.ts';
import { prepareScript, type Script } from '../../src/migrations/script.ts';
import { loadGrammar } from '../../src/migrations/tree.ts';

const grammar = await loadGrammar();

function prepare(file: string, text: string, included: Readonly<Record<string, string>> = {}): Promise<Script> {
  return prepareScript(
    file,
    Buffer.from(text),
    (name) =>
      included[name] === undefined ? { problem: `no ${name}` } : { file: name, text: Buffer.from(included[name]) },
    async () => grammar,
  );
}

async function check(file: string, text: string, folder: readonly string[] = [], rollbacks: readonly string[] = []) {
  const migrations = [...folder, file].map((name) => parseName(name));
  const found = checkScripts([await prepare(file, text)], { migrations, rollbacks: new Set(rollbacks) }, 900);
  return {
    problems: found.problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.message}`),
    warnings: found.warnings.map((w) => `${w.check} ${w.file}: ${w.message}`),
  };
}

const SQL = '\nselect 1;\n';

describe('dependencies', () => {
  const FOLDER = [
    '001_init.sql',
    '012_a.sql',
    '012_b.sql',
    '155a_c.sql',
    '20260424_d.sql',
    '2025-12-17_e.sql',
    '999_z.sql',
    "003_it's; é.sql",
  ];

  test.each([
    'None',
    '001_init.sql',
    '001_init',
    '1, 001, 0001',
    '001_init.sql (creates the tables), 012 (both)',
    "003_it's; é.sql",
    'PostgreSQL 15 or later, pgcrypto',
    '012_b.sql',
  ])('%s: all there, and earlier', async (value) => {
    expect(await check('052_x.sql', `-- Dependencies: ${value}${SQL}`, FOLDER)).toEqual({ problems: [], warnings: [] });
  });

  test.each(['155a', '20260424', '2025-12-17', '20260424_d', '2025-12-17_e.sql'])(
    '%s is found by number or name',
    async (value) => {
      expect((await check('20991231_x.sql', `-- Dependencies: ${value}${SQL}`, FOLDER)).problems).toEqual([]);
    },
  );

  test.each([
    ['002_gone.sql', '002_gone.sql, which is not in the folder'],
    ['002_gone', '002_gone, which is not in the folder'],
    ['2', '2, which is not in the folder'],
    ['155', '155, which is not in the folder'],
    ['155b', '155b, which is not in the folder'],
    ['2026-04-23', '2026-04-23, which is not in the folder'],
    ['init.sql', 'init.sql, which is not in the folder'],
    ['999_z.sql', '999_z.sql, which does not come before it'],
    ['155a', '155a_c.sql, which does not come before it'],
    ['20260424', '20260424_d.sql, which does not come before it'],
    ['052_x.sql', '052_x.sql, which does not come before it'],
    ['052', '052_x.sql, which does not come before it'],
  ])('%s is reported with the line of the key', async (value, message) => {
    expect((await check('052_x.sql', `-- Author: a\n-- Dependencies: 001, ${value}${SQL}`, FOLDER)).problems).toEqual([
      `052_x.sql:2:1 depends on ${message}`,
    ]);
  });

  test('each entry of a list is looked at', async () => {
    const text = `-- Dependencies:\n-- - 001_init.sql\n-- - 002_gone.sql\n-- - 999_z.sql\n${SQL}`;
    expect((await check('052_x.sql', text, FOLDER)).problems).toHaveLength(2);
  });
});

describe('what a header says of its file', () => {
  test.each(['052_x.sql', '052_x'])('its name, %s', async (name) => {
    expect((await check('052_x.sql', `-- Migration: ${name}${SQL}`)).warnings).toEqual([]);
  });

  test('another name is a warning', async () => {
    expect((await check('052_x.sql', `-- Migration: 051_x.sql${SQL}`)).warnings).toEqual([
      'header-name 052_x.sql: its header says it is 051_x.sql',
    ]);
  });

  test('a rollback that does not exist is a warning', async () => {
    const text = `-- Rollback: ROLLBACK_052_x.sql${SQL}`;
    expect((await check('052_x.sql', text, [], ['ROLLBACK_052_x.sql'])).warnings).toEqual([]);
    expect((await check('052_x.sql', text)).warnings).toEqual([
      'rollback-missing 052_x.sql: its header names ROLLBACK_052_x.sql, which does not exist',
    ]);
    expect((await check('052_x.sql', `-- Rollback: None (data is lost)${SQL}`)).warnings).toEqual([]);
  });

  test('problems of the header and its limits have their line', async () => {
    const text = `-- Author: a\n-- Author: b\n-- Lock-Timeout: soon\n-- Transaction: maybe${SQL}`;
    expect((await check('052_x.sql', text)).problems).toEqual([
      '052_x.sql:2:1 header key "Author" is given twice',
      '052_x.sql:4:1 header key "Transaction" must be "none" or "file", got "maybe"',
      '052_x.sql:3:1 header key "Lock-Timeout" is no duration: soon',
    ]);
  });
});

test('empty files, tests and labels used too early are warnings', async () => {
  expect((await check('001_a.sql', '-- nothing\n')).warnings).toEqual([
    'empty-file 001_a.sql: holds no statement; it is recorded as applied',
  ]);
  expect((await check('001_a.sql', 'begin; select 1; rollback;')).warnings).toEqual([
    'test-file 001_a.sql: ends in ROLLBACK: a test, not a migration; it is not run',
  ]);
  expect((await check('001_a.sql', "alter type m add value 'x';\nselect 'x';")).warnings).toEqual([
    "enum-label 001_a.sql: line 2: the enumeration label 'x' is added and used in one file",
  ]);
});

test('every file and every problem is reported, those of an included file under its own name', async () => {
  const scripts = [
    await prepare('001_a.sql', '\\if 1\ncommit;'),
    await prepare('002_b.sql', 'select 1;\n\\i part.sql', { 'part.sql': 'select 2;\n  \\gexec' }),
  ];
  const { problems } = checkScripts(scripts, { migrations: [], rollbacks: new Set() }, 900);
  expect(problems.map((p) => `${p.kind} ${p.file}:${p.line}:${p.column}`)).toEqual([
    'plan 001_a.sql:1:1',
    'plan 001_a.sql:2:1',
    'plan part.sql:2:3',
  ]);
  expect(problems.every((p) => p.hint !== '')).toBe(true);
});

describe('a SET by which the rest of the file would be read differently', () => {
  const ENCODING = 'is not the encoding of this file';
  const STRINGS = 'standard_conforming_strings = off changes what the backslashes behind it mean';

  test.each([
    ["set client_encoding = 'LATIN1'; select 'é'", `1:1 'LATIN1' ${ENCODING}`],
    ["select 1;\nSET SESSION client_encoding TO win1252;\nselect 'é'", `2:1 win1252 ${ENCODING}`],
    ["set /* x */ names latin1; select 'é'", `1:1 latin1 ${ENCODING}`],
    ["set local client_encoding=sjis; select 'é'", `1:1 sjis ${ENCODING}`],
    ["set standard_conforming_strings = off; select 'a\\b'", `1:1 ${STRINGS}`],
    ["set standard_conforming_strings to 'off'; select 'a\\b'", `1:1 ${STRINGS}`],
    ["set standard_conforming_strings = 0; select 'a\\b'", `1:1 ${STRINGS}`],
  ])('is refused: %s', async (text, problem) => {
    expect((await check('001_a.sql', text)).problems).toEqual([`001_a.sql:${problem}`]);
  });

  test.each([
    "set client_encoding = 'UTF8'; select 'é'",
    "set client_encoding to unicode; select 'é'",
    "set names default; select 'é'",
    "select 'é'; set client_encoding = latin1; select 'e'",
    "set standard_conforming_strings = on; select 'a\\b'",
    "select 'a\\b'; set standard_conforming_strings = off; select 'ab'",
    "set app.client_encoding = latin1; select 'é'",
  ])('is let pass where nothing changes: %s', async (text) => {
    expect((await check('001_a.sql', text)).problems).toEqual([]);
  });
});

describe('grammar without a server', () => {
  async function alone(text: string, included?: Readonly<Record<string, string>>): Promise<string[]> {
    return checkAlone([await prepare('001_a.sql', text, included)], grammar).map(
      (p) => `${p.file}:${p.line}:${p.column} ${p.message}`,
    );
  }

  test.each([
    ['selec 1;', '1:1 syntax error at or near "selec"'],
    ["select '😀é', 1;\n\n  select 'é' frm x y z;", '3:18 syntax error at or near "x"'],
    ['create table t (a int,);', '1:23 syntax error at or near ")"'],
    ['-- é😀\nselect 1 from;', '2:14 syntax error at or near ";"'],
    ["/* é\n */ select 1\nselect 'x' from from", '3:8 syntax error at or near "\'x\'"'],
    ["select 'a' 'b'", '1:12 syntax error at or near "\'b\'"'],
    ["select 'a' /*\n*/ 'b'", '2:4 syntax error at or near "\'b\'"'],
  ])('%j is refused at its place', async (text, problem) => {
    const found = await alone(text);
    expect(found).toEqual([`001_a.sql:${problem}`]);
  });

  test.each([
    '',
    '-- only a comment',
    ';;',
    "select 'a' -- c\n  'b'",
    "select U&'d!0061' /* c */ uescape '!'",
    'copy t from stdin;\n1;2\n\\.\nselect 1;',
    'begin; commit; vacuum',
  ])('%j is accepted, as the server accepts it', async (text) => {
    expect(await alone(text)).toEqual([]);
  });

  test.each([
    ['select :nobody', 'If nobody is a variable of psql, set it before: \\set nobody VALUE.'],
    [`select :'größe'`, 'If größe is a variable of psql, set it before: \\set größe VALUE.'],
    ['select 1 : 2', 'No PostgreSQL could run this file; mend it.'],
  ])('%s has a hint of its own', async (text, hint) => {
    expect(checkAlone([await prepare('a.sql', text)], grammar).map((p) => p.hint)).toEqual([hint]);
  });

  test('an error in an included file is placed in it', async () => {
    expect(await alone("\\set v 'a long value'\nselect :'v';\n\\i b.sql", { 'b.sql': 'select 1;\n selec 2;' })).toEqual(
      ['b.sql:2:2 syntax error at or near "selec"'],
    );
  });

  test('a file with other problems is left to them', async () => {
    expect(await alone('\\if 1\nselec 1')).toEqual([]);
  });
});
