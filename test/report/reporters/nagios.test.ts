import { expect, test } from 'vitest';
import type { Report } from '../../../src/report/report.ts';
import { render } from '../../../src/report/reporters/nagios.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is one line: state, counts, the worst finding, performance data', () => {
  expect(render(clinic, PIPE)).toBe(
    'AISHA-DB CRITICAL - diagnose: 5 checks: 1 passed, 2 failed, 1 unknown, 1 not-applicable; 1 critical, 1 warning; ' +
      'public.patients: row-level security is off: every tenant reads every row' +
      " | critical=1;;;0 warning=1;;;0 info=0;;;0 unknown=1;;;0 duration=1.25s 'dead-rows'=41\n",
  );
});

const quiet: Report = { ...clinic, status: 'ok', exitCode: 0, checks: clinic.checks.slice(4), findings: [] };
const byError = (code: string): Report => ({ ...failed, error: { code, message: 'no' } });

test.each<[string, Report]>([
  ['OK', quiet],
  ['WARNING', { ...quiet, findings: clinic.findings.slice(0, 1) }],
  ['WARNING', { ...quiet, status: 'findings', exitCode: 1 }],
  ['UNKNOWN', { ...quiet, checks: clinic.checks.slice(3) }],
  ['CRITICAL', byError('connection')],
  ['UNKNOWN', byError('usage')],
])('the state is %s', (state, report) => {
  expect(render(report, PIPE)).toMatch(new RegExp(`^AISHA-DB ${state} - `));
});

test('whatever a name holds, it is one line with one pipe', () => {
  const line = render(hostile, PIPE);
  expect([line.split('\n').length, line.split('|').length]).toEqual([2, 2]);
});
