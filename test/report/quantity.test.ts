import { expect, test } from 'vitest';
import { counted, quantity } from '../../src/report/quantity.ts';
import type { Unit } from '../../src/report/report.ts';

test.each<[Unit | undefined, number, string]>([
  ['bytes', 0, '0 B'],
  ['bytes', 1023, '1023 B'],
  ['bytes', 1024, '1 kB'],
  ['bytes', 1_048_575, '1 MB'],
  ['bytes', 1_288_490_188, '1.2 GB'],
  ['bytes', 5e20, '444089 PB'],
  ['milliseconds', 0.0347, '0.0347 ms'],
  ['milliseconds', 999, '999 ms'],
  ['milliseconds', 1500, '1.5 s'],
  ['milliseconds', 9_000_000, '2.5 h'],
  ['milliseconds', 1_728_000_000, '20 d'],
  ['percent', 41.267, '41.3 %'],
  ['count', 12_000, '12,000'],
  ['count', -1_234_567, '-1,234,567'],
  ['count', 0.125, '0.125'],
  ['count', 999, '999'],
  [undefined, 1500, '1,500'],
  ['bytes', Number.NaN, 'NaN'],
  ['percent', Number.POSITIVE_INFINITY, 'Infinity'],
])('%s of %d is %s', (unit, value, text) => {
  expect(quantity(value, unit)).toBe(text);
});

test('a counted noun has its plural from two on, and for none', () => {
  expect([0, 1, 2, 3000].map((count) => counted(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows', '3,000 rows']);
  expect(counted(2, 'index', 'indexes')).toBe('2 indexes');
});
