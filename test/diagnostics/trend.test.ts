import { describe, expect, test } from 'vitest';
import { parseDefinition } from '../../src/diagnostics/definition.ts';
import type { Row } from '../../src/diagnostics/facts.ts';
import { toHistory } from '../../src/diagnostics/run-store.ts';
import { parseSavedRun, type SavedRun, toSavedRun } from '../../src/diagnostics/saved-run.ts';
import { compareRuns } from '../../src/diagnostics/trend.ts';
import { trendReport } from '../../src/diagnostics/trend-report.ts';

const GB = 1024 ** 3;
const day = (number: number) => `2026-03-${String(number).padStart(2, '0')}T06:00:00.000Z`;

const found = (object: string, severity: 'info' | 'warning' | 'critical' = 'warning', check = 'fat') => ({
  check,
  severity,
  object,
  fingerprint: `of ${object}`,
});

const measured = (object: string, value: number, unit: 'bytes' | 'percent' = 'bytes', check = 'fat') => ({
  check,
  object,
  fingerprint: `of ${object}`,
  value,
  unit,
});

function run(takenAt: string, more: Partial<SavedRun> = {}): SavedRun {
  const base = {
    format: 1,
    takenAt,
    toolVersion: '1',
    checks: { fat: 'failed' },
    findings: [],
    muted: [],
    measures: [],
  };
  return { ...base, ...more };
}

const objects = (findings: readonly { readonly object: string }[] = []) => findings.map(({ object }) => object);

describe('a run beside stored ones', () => {
  test('tells what is new, gone and worse', () => {
    const before = run(day(1), { findings: [found('stays'), found('goes'), found('grows', 'info')] });
    const now = run(day(2), { findings: [found('stays'), found('comes'), found('grows', 'critical')] });
    const trend = compareRuns([run(day(0)), before], now)!;
    expect(objects(trend.appeared)).toEqual(['comes']);
    expect(objects(trend.gone)).toEqual(['goes']);
    expect(trend.worse).toMatchObject([{ object: 'grows', was: 'info', severity: 'critical' }]);
    expect(trend).toMatchObject({ runs: 2, last: day(1), notCompared: [] });
  });

  test('takes nothing for gone or new that could not be looked at, or was not asked for', () => {
    const full = run(day(1), {
      checks: { fat: 'failed', slow: 'failed' },
      findings: [found('a'), found('b', 'warning', 'slow')],
    });
    const hidden = run(day(2), { checks: { fat: 'unknown' } });
    expect(compareRuns([full], hidden)).toMatchObject({ gone: [], appeared: [] });
    // The last run that decided the check counts, not the last one.
    const again = run(day(3), { checks: { fat: 'failed' }, findings: [found('a'), found('new')] });
    const trend = compareRuns([full, hidden], again)!;
    expect(objects(trend.appeared)).toEqual(['new']);
    expect(trend.gone).toEqual([]);
  });

  test('says which checks no stored run has decided', () => {
    const now = run(day(2), {
      checks: { fat: 'passed', fresh: 'failed' },
      findings: [found('x', 'critical', 'fresh')],
    });
    expect(compareRuns([run(day(1))], now)).toMatchObject({ appeared: [], notCompared: ['fresh'] });
  });

  test('a muted finding is not gone', () => {
    const now = run(day(2), { muted: ['of a'] });
    expect(compareRuns([run(day(1), { findings: [found('a')] })], now)!.gone).toEqual([]);
  });

  test('without stored runs there is nothing to compare', () => {
    expect(compareRuns([], run(day(1)))).toBeUndefined();
    expect(trendReport(undefined, [run(day(1))], []).text).toBe('No earlier run is stored.');
  });
});

describe('what grows', () => {
  const sizes = (takenAt: string, ...values: [string, number][]) =>
    run(takenAt, { measures: values.map(([object, value]) => measured(object, value)) });

  test('is told since the first stored run, with its pace; noise and what shrinks is not', () => {
    const history = [sizes(day(1), ['big', GB], ['still', GB], ['less', GB]), sizes(day(3), ['big', 2 * GB])];
    const { growing } = compareRuns(
      history,
      sizes(day(11), ['big', 6 * GB], ['still', GB + 5e6], ['less', 1], ['young', GB]),
    )!;
    expect(growing).toEqual([
      {
        check: 'fat',
        object: 'big',
        unit: 'bytes',
        since: day(1),
        from: GB,
        to: 6 * GB,
        perDay: GB / 2,
        daysUntilFull: undefined,
      },
    ]);
  });

  test('a share that grows is full some day', () => {
    const share = (takenAt: string, value: number) => run(takenAt, { measures: [measured('ids', value, 'percent')] });
    expect(compareRuns([share(day(1), 50)], share(day(11), 60))!.growing).toMatchObject([
      { perDay: 1, daysUntilFull: 40 },
    ]);
    const { tables } = trendReport(compareRuns([share(day(1), 50)], share(day(11), 60)), [], []);
    expect(tables[0]!.rows[0]).toContain('100 % in 40 days');
  });

  test('is drawn over time, for checks that list, and so is the number of findings', () => {
    const parsed = parseDefinition(
      'fat.sql',
      '-- Title: Sizes\n-- Category: capacity\n-- Metric: bytes:bytes\n-- Table:\n-- - object as Table\n-- Why: x\n-- Manual: none\n\nselect 1',
    );
    if ('problems' in parsed) throw new Error(parsed.problems.join());
    const runs = [sizes(day(1), ['</script>', 1]), sizes(day(2), ['</script>', 2], ['once', 3])];
    const { charts } = trendReport(compareRuns(runs.slice(0, 1), runs[1]!), runs, [parsed.definition]);
    expect(charts).toMatchObject([
      {
        kind: 'time',
        title: 'Sizes, over time',
        unit: 'bytes',
        lines: [
          {
            label: '</script>',
            points: [
              { at: day(1), value: 1 },
              { at: day(2), value: 2 },
            ],
          },
        ],
      },
      { title: 'Findings, over time', lines: [{ label: 'critical' }, { label: 'warning' }, { label: 'info' }] },
    ]);
  });
});

describe('a stored run', () => {
  test('survives the way through JSON, and holds no text of a query', () => {
    const text = `-- Title: Queries answer\n-- Category: queries\n-- Thresholds:\n-- - warning: mean >= 1 s\n-- Metric: mean:duration
-- Message: {query}\n-- Remediation: x\n-- Why: x\n-- Manual: none\n\nselect 1`;
    const parsed = parseDefinition('slow.sql', text);
    if ('problems' in parsed) throw new Error(parsed.problems.join());
    const row: Row = { object: 'query 1', mean: 2, query: "select 'secret'" };
    const outcomes = new Map([['slow', { kind: 'facts', columns: [], rows: [row] } as const]]);
    const result = { checks: [{ id: 'slow', title: 'x', status: 'passed' as const }] };
    const facts = { definitions: [parsed.definition], outcomes };
    const saved = toSavedRun(result, facts, { takenAt: day(1), toolVersion: '1' });
    expect(saved.measures).toMatchObject([{ check: 'slow', object: 'query 1', value: 2_000, unit: 'milliseconds' }]);
    const json = JSON.stringify(saved);
    expect(json).not.toContain('secret');
    expect(parseSavedRun(JSON.parse(json))).toEqual(saved);
  });

  test('of an earlier version lacks what came later, of a later one is left out, and anything else is no run', () => {
    expect(parseSavedRun({ format: 1, takenAt: day(1) })).toMatchObject({ checks: {}, findings: [], measures: [] });
    expect(parseSavedRun({ format: 2, anything: 'else' })).toBe('newer');
    for (const junk of [undefined, null, 'x', {}, { format: 1 }, { format: 1, takenAt: 'yesterday' }]) {
      expect(parseSavedRun(junk)).toBe('unreadable');
    }
  });

  test('of many the findings of the latest are kept in memory, the numbers of all', () => {
    const values = Array.from({ length: 12 }, (_, index) =>
      run(day(20 - index), { findings: [found('a')], measures: [measured('a', index)] }),
    );
    const { runs, newer, unreadable } = toHistory([...values, { format: 9 }, 7]);
    expect(runs.map(({ takenAt }) => takenAt)).toEqual(runs.map(({ takenAt }) => takenAt).toSorted());
    expect(runs.map(({ findings }) => findings.length)).toEqual([0, 0, ...Array(10).fill(1)]);
    expect(runs.every(({ measures }) => measures.length === 1)).toBe(true);
    expect([newer, unreadable]).toEqual([1, 1]);
  });
});
