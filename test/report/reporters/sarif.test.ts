import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/report/fingerprint.ts';
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
  const fingerprint = fingerprintOf(clinic.findings[1]!);
  expect(run(clinic).results[0]).toEqual({
    ruleId: 'rls-enabled',
    ruleIndex: 0,
    level: 'error',
    message: {
      text: 'row-level security is off: every tenant reads every row\n\nFix: alter table public.patients enable row level security;',
    },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: 'clinic/public.patients' }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: 'public.patients' }],
      },
    ],
    partialFingerprints: { 'aisha-db/v1': fingerprint, primaryLocationLineHash: `${fingerprint}:1` },
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

test('a finding about a file without a line points to its first', () => {
  const { results } = run({ ...clinic, findings: [{ ...clinic.findings[0]!, details: { file: 'sql/a.sql' } }] });
  expect(results[0].locations[0].physicalLocation.region).toEqual({ startLine: 1 });
});

test('every rule and every result has what code scanning refuses an upload without', () => {
  for (const report of [clinic, hostile, failed]) {
    const { tool, results } = run(report);
    for (const rule of tool.driver.rules) {
      expect([rule.shortDescription.text, rule.fullDescription.text, rule.help.text]).not.toContain('');
    }
    for (const { ruleId, ruleIndex, locations, partialFingerprints } of results) {
      expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
      expect(locations[0].physicalLocation.artifactLocation.uri).toMatch(/^[\w.~%!'()*-]+(?:\/[\w.~%!'()*-]+)+$/);
      expect(locations[0].physicalLocation.region.startLine).toBeGreaterThan(0);
      expect(partialFingerprints.primaryLocationLineHash).toMatch(/^[0-9a-f]{32}:[0-9]+$/);
    }
  }
});

test('results that are found the same are told apart, and keep their fingerprint when another comes first', () => {
  const [first, second] = clinic.findings.map((finding) => ({ ...finding, check: 'c' }));
  const marks = (findings: typeof clinic.findings) =>
    run({ ...clinic, findings, checks: [] }).results.map(
      (result: { partialFingerprints: Record<string, string> }) =>
        result.partialFingerprints['primaryLocationLineHash'],
    );
  const [one, two] = marks([first!, first!]);
  expect([one, two].map((mark) => mark.split(':')[1])).toEqual(['1', '2']);
  expect(one.split(':')[0]).toBe(two.split(':')[0]);
  expect(marks([second!, first!])).toContain(one);
});

test('runs of different commands or databases do not close the alerts of each other', () => {
  const ids = [clinic, { ...clinic, command: 'rls-check' }, failed].map((report) => run(report).automationDetails.id);
  expect(ids).toEqual(['aisha-db diagnose/clinic/', 'aisha-db rls-check/clinic/', 'aisha-db migrate/files/']);
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
