import { describe, expect, test } from 'vitest';
import {
  compareNames,
  compareText,
  looksLikeSideFile,
  parseName,
  rollbackNameOf,
  sameVersion,
} from '../../src/migrations/name.ts';
import { Random } from '../support/random.ts';

/** The plan's order of these files. */
function sorted(files: readonly string[]): string[] {
  return files
    .map((file) => parseName(file))
    .sort(compareNames)
    .map((name) => name.file);
}

describe('number and phase of a name', () => {
  test.each([
    ['012_a.sql', 'forward', 'serial', '012', 12],
    ['12_a.sql', 'forward', 'serial', '12', 12],
    ['0001_a.sql', 'forward', 'serial', '0001', 1],
    ['0_a.sql', 'forward', 'serial', '0', 0],
    ['155a_a.sql', 'forward', 'serial', '155a', 155],
    ['155_a.SQL', 'forward', 'serial', '155', 155],
    ['007.sql', 'forward', 'serial', '007', 7],
    ['007-a.sql', 'forward', 'serial', '007', 7],
    ['007 a.sql', 'forward', 'serial', '007', 7],
    ['007_it\'s; drop--\n"é".sql', 'forward', 'serial', '007', 7],
    ['007_a.b.sql', 'forward', 'serial', '007', 7],
    ['899_a.sql', 'forward', 'serial', '899', 899],
    ['1000_a.sql', 'forward', 'serial', '1000', 1000],
    ['0999_a.sql', 'forward', 'serial', '0999', 999],
    ['900_a.sql', 'final', 'serial', '900', 900],
    ['999_a.sql', 'final', 'serial', '999', 999],
    ['999b_a.sql', 'final', 'serial', '999b', 999],
    ['20260424_a.sql', 'forward', 'date', '20260424', 20260424000000],
    ['202604241015_a.sql', 'forward', 'date', '202604241015', 20260424101500],
    ['20260424101500_a.sql', 'forward', 'date', '20260424101500', 20260424101500],
    ['2025-12-17_a.sql', 'forward', 'date', '2025-12-17', 20251217000000],
    ['2025-12-17-a.sql', 'forward', 'date', '2025-12-17', 20251217000000],
    ['20261324_a.sql', 'forward', 'serial', '20261324', 20261324],
    ['20260400_a.sql', 'forward', 'serial', '20260400', 20260400],
    ['12345678_a.sql', 'forward', 'serial', '12345678', 12345678],
    ['20260424246000_a.sql', 'forward', 'serial', '20260424246000', 20260424246000],
    ['2025-13-01_a.sql', 'forward', 'serial', '2025', 2025],
    ['ROLLBACK_050_a.sql', 'rollback', 'serial', '050', 50],
    ['rollback_20260424_a.sql', 'rollback', 'date', '20260424', 20260424000000],
  ])('%j is %s, %s %s', (file, phase, kind, text, value) => {
    expect(parseName(file)).toMatchObject({ file, phase, version: { kind, text, value }, reason: undefined });
  });

  test.each([
    ['FIX_012_a.sql', 'manual', undefined],
    ['fix_a.sql', 'manual', undefined],
    ['DIAGNOSTIC_012_a.sql', 'manual', undefined],
    ['APPLY_999_a.sql', 'manual', undefined],
    ['ROLLBACK_a.sql', 'rollback', undefined],
    ['a.sql', 'manual', 'no number'],
    ['.sql', 'manual', 'no number'],
    ['.012_hidden.sql', 'manual', 'no number'],
    ['_012_a.sql', 'manual', 'no number'],
    ['V1__a.sql', 'manual', 'no number'],
    ['012abcd_a.sql', 'manual', 'no number'],
    ['٠١٢_a.sql', 'manual', 'no number'],
    ['-1_a.sql', 'manual', 'no number'],
    ['fixes/FIX_a.sql', 'manual', 'in a sub-folder'],
    ['old/012_a.sql', 'manual', 'in a sub-folder'],
    ['old/ROLLBACK_012_a.sql', 'manual', 'in a sub-folder'],
    ['99999999999999999999_a.sql', 'manual', 'too large'],
  ])('%j is %s and is not planned', (file, phase, reason) => {
    const name = parseName(file);
    expect(name).toMatchObject({ file, phase, version: undefined });
    if (reason === undefined) expect(name.reason).toBeUndefined();
    else expect(name.reason).toContain(reason);
  });

  test('where the final files begin is a setting', () => {
    expect([
      parseName('500_a.sql', 500).phase,
      parseName('499_a.sql', 500).phase,
      parseName('0500_a.sql', 500).phase,
    ]).toEqual(['final', 'forward', 'forward']);
  });
});

describe('order', () => {
  const ORDER = [
    '0_a.sql',
    '0001_a.sql',
    '001_a.sql',
    '001_b.sql',
    '1_a.sql',
    '2_a.sql',
    '9_a.sql',
    '10_a.sql',
    '012_A.sql',
    '012_a.sql',
    '012_b.sql',
    '012_c.sql',
    '012_d.sql',
    '012_e\u0301.sql',
    '012_é.sql',
    '012_ﬀ.sql',
    '012_😀.sql',
    '155_z.sql',
    '155A_a.sql',
    '155a_a.sql',
    '155b_a.sql',
    '156_a.sql',
    '0999_a.sql',
    '1000_a.sql',
    '12345678_a.sql',
    '2025-12-17_a.sql',
    '20251217_b.sql',
    '202512170001_a.sql',
    '20251217000101_a.sql',
    '20260424_a.sql',
    '900_a.sql',
    '999_a.sql',
    '999_b.sql',
    '.x.sql',
    'APPLY_1.sql',
    'FIX_1.sql',
    'a.sql',
    'sub/001_a.sql',
    'ROLLBACK_2_a.sql',
    'ROLLBACK_10_a.sql',
    'ROLLBACK_x.sql',
  ];

  test('is the same from whatever order the files come in', () => {
    const random = new Random(3);
    for (let round = 0; round < 200; round++) expect(sorted(random.shuffle(ORDER))).toEqual(ORDER);
  });

  test('is total: two names are equal only to themselves, and it never turns in a circle', () => {
    const names = ORDER.map((file) => parseName(file));
    for (const [i, a] of names.entries())
      for (const [j, b] of names.entries())
        expect(Math.sign(compareNames(a, b)), `${a.file} ${b.file}`).toBe(Math.sign(i - j));
  });

  test('is by code point, in no locale', () => {
    const words = ['Z', 'a', 'z', 'Ä', 'ä', 'İ', 'ı', 'ﬁ', '\u{10000}'];
    expect([...words].reverse().sort(compareText)).toEqual(words);
    // A comparison of UTF-16 units would put the last two the other way round.
    expect(compareText('\uFF5E', '\u{10000}')).toBeLessThan(0);
  });
});

test.each([
  ['0001_a.sql', '1_b.sql', true],
  ['155a_x.sql', '155a_y.sql', true],
  ['155a_x.sql', '155_x.sql', false],
  ['2025-12-17_a.sql', '20251217000000_b.sql', true],
  ['12_a.sql', '012_a.sql', true],
  ['x.sql', 'y.sql', false],
])('%s and %s carry one number: %s', (a, b, same) => {
  expect(sameVersion(parseName(a).version, parseName(b).version)).toBe(same);
});

test.each([
  ['012_a_OLD.sql', true],
  ['012_a_old.SQL', true],
  ['012_a_smoke_test.sql', true],
  ['012_smoketest.sql', true],
  ['012_threshold.sql', false],
  ['012_a_old_b.sql', false],
])('%s looks like a side file: %s', (file, expected) => {
  expect(looksLikeSideFile(file)).toBe(expected);
});

test('the file that undoes another has its whole name', () => {
  expect(rollbackNameOf("050_it's.sql")).toBe("ROLLBACK_050_it's.sql");
});
