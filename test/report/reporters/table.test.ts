import { expect, test } from 'vitest';
import type { Report } from '../../../src/report/report.ts';
import { render } from '../../../src/report/reporters/table.ts';
import { clinic, failed, PIPE, TERMINAL, UNCOLORED } from '../reports.ts';

test('through a pipe: text, tables, findings from the worst, what was undecided, counts', () => {
  expect(render(clinic, PIPE)).toBe(`Looked at 2 tables.

Largest tables
Table              Rows
---------------  ------
public.visits    120000
public.patients     800

critical (1)
  public.patients  [rls-enabled]
    row-level security is off: every tenant reads every row
    fix: alter table public.patients enable row level security;

warning (1)
  public.visits  [dead-rows]
    41 % of its rows are dead
    fix: vacuum (analyze) public.visits;

could not be decided (1)
  wal-size: permission denied for pg_ls_waldir
    fix: grant pg_monitor to aisha;

5 checks: 1 passed, 2 failed, 1 unknown, 1 not-applicable; 1 critical, 1 warning
`);
});

test('checks that lack the same are listed under what they lack', () => {
  const open = (id: string, reason: string) => ({
    id,
    title: id,
    status: 'unknown' as const,
    reason,
    remediation: 'grant pg_monitor to aisha;',
  });
  const checks = [open('wal-size', 'not permitted'), open('locks', 'timed out'), open('sessions', 'not permitted')];
  expect(
    render({ ...clinic, text: undefined, tables: [], findings: [], checks } as unknown as Report, PIPE),
  ).toBe(`could not be decided (3)
  not permitted
    checks: wal-size, sessions
    fix: grant pg_monitor to aisha;
  locks: timed out
    fix: grant pg_monitor to aisha;

3 checks: 3 unknown
`);
});

test('a failure is one line: the rest is on stderr', () => {
  expect(render(failed, PIPE)).toBe('failed: another run holds the lock\n');
});

test('nothing to say is nothing', () => {
  expect(render({ ...failed, status: 'ok', error: undefined } as unknown as Report, PIPE)).toBe('');
});

test('an empty table says so', () => {
  const report = { ...clinic, tables: [{ title: 'Locks', columns: ['pid'], rows: [] }] };
  expect(render(report, PIPE)).toContain('Locks\n(none)\n');
});

test('colours only what it is given colours for', () => {
  expect(render(clinic, TERMINAL)).toContain('\u001b[31m\u001b[1mcritical (1)');
  expect(render(clinic, UNCOLORED)).not.toContain('\u001b');
});

test('prose is wrapped at the width of the terminal, SQL stays whole', () => {
  const finding = {
    ...clinic.findings[0]!,
    message: 'word '.repeat(30).trim(),
    remediation: `select ${'1, '.repeat(40)}1;`,
  };
  const lines = render({ ...clinic, findings: [finding] }, UNCOLORED).split('\n');
  expect(lines.filter((line) => line.includes('word')).map((line) => line.length)).toEqual([78, 78]);
  expect(lines.find((line) => line.includes('select'))).toContain(finding.remediation);
});

test('advice in words is wrapped as well, below itself', () => {
  const finding = { ...clinic.findings[0]!, remediation: `${'Do this first '.repeat(8).trim()}.` };
  const lines = render({ ...clinic, findings: [finding] }, UNCOLORED).split('\n');
  const advice = lines.filter((line) => line.includes('Do this'));
  expect(advice.map((line) => line.slice(0, 12))).toEqual(['    fix: Do ', '         Do ']);
  expect(Math.max(...advice.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('the text of a query as an object takes one line of the terminal, and is whole in a pipe', () => {
  const object = `select ${'column, '.repeat(700)}1`;
  const report = { ...clinic, findings: [{ ...clinic.findings[0]!, object }] };
  const line = render(report, UNCOLORED)
    .split('\n')
    .find((text) => text.includes('[dead-rows]'));
  expect(line).toMatch(/^ {2}select column.*….*1 {2}\[dead-rows\]$/);
  expect(line).toHaveLength(80);
  expect(render(report, PIPE)).toContain(object);
});
