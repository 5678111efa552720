import { expect, test } from 'vitest';
import type { ContextName, SampleRow, Truth } from '../../src/tenancy/facts.ts';
import { withoutValueFaults } from '../../src/tenancy/value-faults.ts';

const row = (values: Record<string, unknown>): SampleRow => ({
  owner: 'own',
  tenant: '1',
  values,
  isPersonal: false,
});
const ROWS = [row({ level: null }), row({ level: 'x' }), row({ level: { deep: ['%"'] } })];
const failing = (error: string, sqlState = '22P02'): Truth => ({ error, sqlState });
const left = (truths: Truth[], context: ContextName = 'own') => {
  const evaluations = [{ role: 1, context, truths }];
  const found = withoutValueFaults(evaluations, ROWS);
  return found === evaluations ? 'as they were' : found[0]!.truths;
};

test('a row whose own value is at fault does not pass, and is no error of the policy', () => {
  expect(left([true, failing('invalid input syntax for type integer: "x"'), false])).toEqual([true, null, false]);
  expect(left([true, false, failing('invalid input syntax for type integer: "{"b": 1, "deep": []}"')])).toEqual([
    true,
    false,
    null,
  ]);
  expect(left([true, false, failing('ungültige Eingabesyntax: „%"“')])).toEqual([true, false, null]);
});

test('such a row is at fault whatever the session says', () => {
  const fault = failing('value for domain "x y" violates a check', '23514');
  const evaluations = (['own', 'empty'] as const).map((context) => ({
    role: 1,
    context,
    truths: [true, fault, false],
  }));
  expect(withoutValueFaults(evaluations, ROWS).map(({ truths }) => truths[1])).toEqual([null, null]);
});

test.each([
  ['all rows fail', [1, 2, 3].map(() => failing('invalid input syntax for type integer: "x"')), 'own'],
  ['the value is no value of the row', [true, failing('invalid input syntax: "7"'), true], 'own'],
  ['the value is part of a word only', [true, failing('invalid input syntax for type integer: "xy"'), true], 'own'],
  ['one error is the policy’s', [failing('invalid: ""'), failing('invalid: "x"'), true], 'own'],
  ['it is another kind of error', [true, failing('permission denied for "x"', '42501'), true], 'own'],
  ['the session says nonsense', [true, failing('invalid: "x"'), true], 'empty'],
] as const)('errors stay where %s', (_, truths, context) => {
  expect(left([...truths], context)).toBe('as they were');
});
