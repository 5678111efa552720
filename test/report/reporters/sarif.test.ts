import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/sarif.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

function run(report: typeof clinic) {
  return JSON.parse(render(report, PIPE)).runs[0];
}

test('every check that was asked is a rule, whether or not it fired', () => {
  const { rules } = run(clinic).tool.driver;
  expect(rules.map((rule: { id: string }) => rule.id)).toEqual(clinic.checks.map((check) => check.id));
});

test('a finding is a result of its rule with a level, an object and a fingerprint', () => {
  expect(run(clinic).results[0]).toEqual({
    ruleId: 'rls-enabled',
    ruleIndex: 0,
    level: 'error',
    message: {
      text: 'row-level security is off: every tenant reads every row\n\nFix: alter table public.patients enable row level security;',
    },
    locations: [{ logicalLocations: [{ fullyQualifiedName: 'public.patients' }] }],
    partialFingerprints: { 'checkAndObject/v1': 'rls-enabled:public.patients' },
  });
});

test('severities are error, warning and note', () => {
  const findings = (['critical', 'warning', 'info'] as const).map((severity) => ({
    ...clinic.findings[0]!,
    severity,
  }));
  const levels = run({ ...clinic, findings, checks: [] }).results.map((result: { level: string }) => result.level);
  expect(levels).toEqual(['error', 'warning', 'note']);
});

test('what could not be decided is open, neither passed nor failed', () => {
  expect(run(clinic).results.at(-1)).toMatchObject({ ruleId: 'wal-size', kind: 'open', level: 'none' });
});

test('a finding about a file points into it', () => {
  const details = { file: 'sql/012 add.sql', line: 3, column: 7 };
  const { results } = run({ ...clinic, findings: [{ ...clinic.findings[0]!, details }] });
  expect(results[0].locations[0].physicalLocation).toEqual({
    artifactLocation: { uri: 'sql/012%20add.sql' },
    region: { startLine: 3, startColumn: 7 },
  });
});

test('a run that failed says so and why', () => {
  expect(run(failed).invocations[0]).toMatchObject({
    executionSuccessful: false,
    exitCode: 6,
    toolExecutionNotifications: [{ level: 'error', message: { text: 'another run holds the lock' } }],
  });
});

test('names of all kinds are carried unharmed', () => {
  expect(run(hostile).results[0].message.text).toContain(hostile.findings[0]?.message);
});
