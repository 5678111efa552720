import { expect, test } from 'vitest';
import type { PlanEntry, PlanProblem } from '../../src/migrations/plan.ts';
import { inFileOrder, migrationsResult, problemFindings, warningFindings } from '../../src/migrations/report.ts';

const PENDING: PlanEntry = {
  file: "001_it's.sql",
  number: undefined,
  phase: 'forward',
  state: 'pending',
  checksum: undefined,
  appliedAt: undefined,
  durationMs: undefined,
  reason: undefined,
  run: true,
};
const APPLIED: PlanEntry = {
  ...PENDING,
  file: '002_b.sql',
  number: '002',
  state: 'applied',
  checksum: 'abc',
  appliedAt: '2026-04-24T10:15:00.123Z',
  durationMs: 0,
  run: false,
};

test('the data holds every file, with null for what is not known; the table holds those that are shown', () => {
  const result = migrationsResult([PENDING, APPLIED], [APPLIED, PENDING, { ...APPLIED, reason: 'why' }], 'text');
  expect(result.data).toEqual({
    migrations: [
      {
        file: "001_it's.sql",
        number: null,
        phase: 'forward',
        state: 'pending',
        checksum: null,
        durationMs: null,
        appliedAt: null,
        reason: null,
      },
      expect.objectContaining({ file: '002_b.sql', number: '002', checksum: 'abc', durationMs: 0 }),
    ],
  });
  expect(result.tables).toMatchObject([
    {
      columns: ['state', 'phase', 'file', 'ms', 'note'],
      rows: [
        ['applied', 'forward', '002_b.sql', '0', '2026-04-24 10:15:00'],
        ['pending', 'forward', "001_it's.sql", '', ''],
        ['applied', 'forward', '002_b.sql', '0', 'why'],
      ],
    },
  ]);
  expect(migrationsResult([APPLIED], [], 'text').tables).toBeUndefined();
});

test('problems are critical and have their place; warnings are warnings', () => {
  const problem = { file: 'a.sql', message: 'm', hint: 'h' };
  const problems: PlanProblem[] = [
    { ...problem, kind: 'changed' },
    { ...problem, kind: 'plan', line: 3 },
    { ...problem, kind: 'plan', line: 3, column: 7 },
  ];
  expect(problemFindings(problems, 'db/sql')).toMatchObject([
    { check: 'history-changed', severity: 'critical', object: 'a.sql', remediation: 'h' },
    { check: 'plan-invalid', object: 'a.sql:3:1', details: { file: 'db/sql/a.sql', line: 3, column: 1 } },
    { check: 'plan-invalid', object: 'a.sql:3:7', details: { line: 3, column: 7 } },
  ]);
  expect(warningFindings([{ check: 'c', file: 'a.sql', message: 'm' }], 'db/sql')).toEqual([
    { check: 'c', severity: 'warning', object: 'a.sql', message: 'm', details: { file: 'db/sql/a.sql' } },
  ]);
});

test('a problem keeps its fingerprint when lines are added above it', () => {
  const problem: PlanProblem = { file: 'a.sql', kind: 'plan', message: 'm', hint: 'h', line: 3 };
  const others = [
    { ...problem, message: 'n' },
    { ...problem, file: 'b.sql' },
  ];
  const marks = problemFindings([problem, { ...problem, line: 40 }, ...others], '').map((f) => f.fingerprint);
  expect(marks[0]).toBe(marks[1]);
  expect(new Set(marks).size).toBe(3);
});

test('problems are told in the order in which they are mended', () => {
  const at = (file: string, line?: number): PlanProblem => ({
    file,
    kind: 'plan',
    message: '',
    hint: '',
    ...(line === undefined ? {} : { line }),
  });
  const told = inFileOrder(
    [at('part.sql', 1), at('002_b.sql', 9), at("001_it's.sql", 30), at('002_b.sql'), at("001_it's.sql", 4)],
    [PENDING, APPLIED],
  );
  expect(told.map((p) => `${p.file}:${p.line ?? ''}`)).toEqual([
    "001_it's.sql:4",
    "001_it's.sql:30",
    '002_b.sql:',
    '002_b.sql:9',
    'part.sql:1',
  ]);
});
