import { expect, test } from 'vitest';
import type { Report, Unit } from '../../../src/report/report.ts';
import { exitCode, render } from '../../../src/report/reporters/nagios.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is one line: state, counts, the worst finding, performance data', () => {
  expect(render(clinic, PIPE)).toBe(
    'AISHA-DB CRITICAL - diagnose: 5 checks: 1 passed, 2 failed, 1 unknown, 1 not-applicable; 1 critical, 1 warning; ' +
      'public.patients: row-level security is off: every tenant reads every row' +
      " | critical=1;;;0 warning=1;;;0 info=0;;;0 unknown=1;;;0 duration=1.25s 'dead-rows'=41%\n",
  );
});

const quiet: Report = { ...clinic, status: 'ok', exitCode: 0, checks: clinic.checks.slice(4), findings: [] };
const byError = (code: string): Report => ({ ...failed, error: { code, message: 'no' } });

const bad: Report = { ...quiet, status: 'findings', exitCode: 1 };

test.each<[string, number, string, Report]>([
  ['OK', 0, 'nothing was found', quiet],
  ['OK', 0, 'what was found does not count, by --fail-on', { ...clinic, status: 'ok', exitCode: 0 }],
  ['WARNING', 1, 'a warning', { ...bad, findings: clinic.findings.slice(0, 1) }],
  ['WARNING', 1, 'something is pending', bad],
  ['WARNING', 1, 'a warning and an open check', { ...clinic, findings: clinic.findings.slice(0, 1) }],
  ['CRITICAL', 2, 'something critical', clinic],
  ['CRITICAL', 2, 'no connection', byError('connection')],
  ['UNKNOWN', 3, 'a check could not be decided', { ...bad, checks: clinic.checks.slice(3) }],
  ['UNKNOWN', 3, 'the question is wrong', byError('usage')],
  ['UNKNOWN', 3, 'it took too long', byError('interrupted')],
])('is %s and ends with %i: %s', (state, code, _why, report) => {
  expect(render(report, PIPE)).toMatch(new RegExp(`^AISHA-DB ${state} - `));
  expect(exitCode(report)).toBe(code);
});

test('measures in the units of performance data, without exponents', () => {
  const of = (check: string, metric: number, unit?: Unit) => ({
    ...clinic.findings[0]!,
    ...{ check, metric },
    unit: unit ?? ('count' as const),
  });
  const findings = [
    of('size', 1e21, 'bytes'),
    of('time', 2.5, 'milliseconds'),
    of('ratio', 1e-7),
    of('time', 1.5, 'milliseconds'),
    of('nothing', Number.NaN),
  ];
  const performance = render({ ...clinic, findings }, PIPE).split('duration=')[1];
  expect(performance).toBe("1.25s 'size'=1000000000000000000000B 'time'=2.5ms 'ratio'=0.0000001\n");
});

test('the longest name leaves room for the performance data', () => {
  const findings = [{ ...clinic.findings[0]!, object: 'x'.repeat(5000) }];
  expect(render({ ...clinic, findings }, PIPE)).toMatch(/^.{1000,1100}… \| critical=/);
});

test('whatever a name holds, it is one line with one pipe', () => {
  const line = render(hostile, PIPE);
  expect([line.split('\n').length, line.split('|').length]).toEqual([2, 2]);
});
