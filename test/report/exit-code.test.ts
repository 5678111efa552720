import { describe, expect, test } from 'vitest';
import { AishaError } from '../../src/errors.ts';
import { judge } from '../../src/report/exit-code.ts';
import { SEVERITIES, type Severity } from '../../src/report/report.ts';

const finding = (severity: Severity) => ({ check: 'c', severity, object: 'o', message: 'm' });
const undecided = { id: 'c', title: 'C', status: 'unknown' as const };
const defaults = { failOn: 'warning', unknownAs: 'warning' } as const;

describe('findings at or above --fail-on make it 1', () => {
  test.each([
    ['info', [1, 1, 1]],
    ['warning', [0, 1, 1]],
    ['critical', [0, 0, 1]],
  ] as const)('--fail-on %s', (failOn, expected) => {
    const codes = SEVERITIES.map(
      (severity) => judge({ findings: [finding(severity)] }, { ...defaults, failOn }).exitCode,
    );
    expect(codes).toEqual(expected);
  });
});

test('a check that could not be decided counts as --unknown-as says', () => {
  const codes = SEVERITIES.map((unknownAs) => judge({ checks: [undecided] }, { ...defaults, unknownAs }).exitCode);
  expect(codes).toEqual([0, 1, 1]);
});

test('a code the command asks for comes before that of its findings, an error before both', () => {
  const result = { findings: [finding('critical')], exitCode: 5 };
  expect(judge(result, defaults)).toEqual({ status: 'findings', exitCode: 5 });
  expect(judge({ ...result, exitCode: 0 }, defaults)).toEqual({ status: 'findings', exitCode: 1 });
  expect(judge({ ...result, error: new AishaError('lock', 'held') }, defaults)).toEqual({
    status: 'failed',
    exitCode: 6,
  });
});

test('the status is ok exactly when the code is 0', () => {
  expect(judge({ findings: [finding('info')] }, defaults)).toEqual({ status: 'ok', exitCode: 0 });
});
