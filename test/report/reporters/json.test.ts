import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/json.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('has the keys of the contract in its order, and nothing that is meant for people', () => {
  const report = JSON.parse(render(clinic, PIPE));
  expect(Object.keys(report).join(' ')).toBe(
    'schema command version target startedAt durationMs status exitCode checks findings data',
  );
  expect(Object.keys(report.target).join(' ')).toBe('host port database user serverVersion');
  expect(Object.keys(report.checks[3]).join(' ')).toBe('id title status reason remediation');
  expect(Object.keys(report.findings[0]).join(' ')).toBe('check severity object message remediation metric unit');
  expect(report).toMatchObject({ schema: 'aisha-db/report@1', status: 'findings', exitCode: 1, data: { tables: 2 } });
});

test('has an error only when the run failed', () => {
  expect(JSON.parse(render(failed, PIPE))).toMatchObject({
    target: null,
    status: 'failed',
    error: { code: 'lock', message: 'another run holds the lock', hint: 'Wait for it.' },
  });
});

test('keeps every character of a name, yet shows none that a terminal obeys', () => {
  const text = render({ ...hostile, text: '' }, PIPE);
  expect(JSON.parse(text).findings[0].object).toBe(hostile.findings[0]?.object);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

test('writes numbers of the database that JavaScript has no number for', () => {
  const report = JSON.parse(render({ ...clinic, data: { rows: 12n, bytes: 2n ** 63n } }, PIPE));
  expect(report.data).toEqual({ rows: 12, bytes: '9223372036854775808' });
});
