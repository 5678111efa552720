import { expect, test } from 'vitest';
import { pad, shorten, textWidth, wrap } from '../../src/report/text-width.ts';

test.each([
  ['visits', 6],
  ['Ünïcödé', 7],
  ['e\u0301', 1],
  ['患者', 4],
  ['🏥', 2],
])('%s takes %i columns', (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test('fills up to a width in columns, not in characters', () => {
  expect([pad('患者', 6), pad('12', 4, 'right')]).toEqual(['患者  ', '  12']);
});

test('shortens in the middle, never through a character', () => {
  expect([shorten('abcdefgh', 8), shorten('abcdefgh', 5), shorten('患者患者', 5)]).toEqual([
    'abcdefgh',
    'ab…gh',
    '患…者',
  ]);
});

test('wraps at spaces', () => {
  expect(wrap('row-level security is off', 12)).toEqual(['row-level', 'security is', 'off']);
  expect(wrap('an unbreakablylongword here', 10)).toEqual(['an', 'unbre…word', 'here']);
});
