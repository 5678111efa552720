import { expect, test } from 'vitest';
import { baselineFindings, errorFindings, growthTable, type Measures } from '../../src/maintenance/measures.ts';

const MB = 1024 * 1024;

function measures(
  changes: Partial<Omit<Measures, 'counters'>> & { counters?: Partial<Measures['counters']> } = {},
): Measures {
  const counters = {
    deadlocks: 0,
    rollbacks: 0,
    commits: 1_000,
    conflicts: 0,
    checksumFailures: 0,
    archiveFailures: 0,
    cacheHit: 99,
    tempBytes: 0,
  };
  return {
    databaseBytes: 100 * MB,
    tables: {},
    queries: {},
    ...changes,
    counters: { ...counters, ...changes.counters },
  };
}

const before = (changes: Parameters<typeof measures>[0]) => ({
  at: '2026-10-01T03:00:00.000Z',
  measures: measures(changes),
});

test('growth is told against the last run, the most first, tables that are new as well', () => {
  const now = measures({ databaseBytes: 160 * MB, tables: { a: 90 * MB, b: 30 * MB, same: 5 * MB } });
  const table = growthTable(now, before({ tables: { a: 80 * MB, same: 5 * MB } }));
  expect(table?.title).toBe('Growth since 2026-10-01');
  expect(table?.rows).toEqual([
    ['database', '160 MB', '60 MB'],
    ['b', '30 MB', '30 MB'],
    ['a', '90 MB', '10 MB'],
  ]);
  expect(growthTable(now, undefined)).toBeUndefined();
});

test('errors count from the last run on, and from zero when the counters were reset', () => {
  const objects = (now: Measures, then?: ReturnType<typeof before>) =>
    errorFindings(now, then).map(({ object, severity, metric }) => `${object} ${severity} ${metric}`);
  const now = measures({ counters: { deadlocks: 12, checksumFailures: 1, archiveFailures: 3 } });
  expect(objects(now, before({ counters: { deadlocks: 10, checksumFailures: 1, archiveFailures: 3 } }))).toEqual([
    'deadlocks info 2',
  ]);
  expect(objects(now)).toEqual(['checksums critical 1', 'archiver warning 3', 'deadlocks warning 12']);
  expect(objects(now, before({ counters: { deadlocks: 50, checksumFailures: 9, archiveFailures: 9 } }))).toEqual(
    objects(now),
  );
  expect(objects(measures({ counters: { rollbacks: 200, commits: 1_000 } }))).toEqual(['rollbacks info 200']);
  expect(objects(measures({ counters: { rollbacks: 99, commits: 0 } }))).toEqual([]);
});

test('a statement is slower by what it took since the baseline, not by its mean since ever', () => {
  const then = before({ queries: { slow: { calls: 1_000, totalMs: 10_000 }, same: { calls: 100, totalMs: 1_000 } } });
  const now = measures({
    // 100 calls of 200 ms since; the mean since ever is 27 ms.
    queries: {
      slow: { calls: 1_100, totalMs: 30_000 },
      same: { calls: 200, totalMs: 2_000 },
      unknown: { calls: 90, totalMs: 9e9 },
    },
  });
  expect(baselineFindings(now, then)).toMatchObject([
    { object: 'query slow', severity: 'warning', metric: 200, remediation: 'aisha-db explain slow' },
  ]);
  const reset = measures({ queries: { slow: { calls: 50, totalMs: 1_000 } } });
  expect(baselineFindings(reset, then)).toMatchObject([{ object: 'query slow', severity: 'info', metric: 20 }]);
  const few = measures({ queries: { slow: { calls: 1_010, totalMs: 30_000 } } });
  expect(baselineFindings(few, then)).toEqual([]);
  expect(baselineFindings(now, undefined)).toEqual([]);
});
