import { describe, expect, test } from 'vitest';
import { type Definition, parseDefinition } from '../../src/diagnostics/definition.ts';
import type { Row } from '../../src/diagnostics/facts.ts';
import { judge } from '../../src/diagnostics/judge.ts';
import type { Mute } from '../../src/diagnostics/mutes.ts';
import { applySettings, type CheckSettings } from '../../src/diagnostics/settings.ts';

const HEADER = `-- Title: Tables are slim
-- Category: bloat
-- Thresholds:
-- - warning: bytes >= 100 MB and percent >= 30
-- - critical: percent >= 90
-- Metric: bytes:bytes
-- Message: {table} wastes {bytes:bytes}, {percent:percent}
-- Remediation: vacuum (full) {table};
-- Why: Space.
-- Manual: 10.4

select 1`;

function definitionOf(text = HEADER): Definition {
  const parsed = parseDefinition('fat-table.sql', text);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.definition;
}

const MB = 1024 ** 2;
const fat = (name: string, bytes: number, percent: number | null, more: Row = {}): Row => ({
  object: name,
  table: name,
  bytes,
  percent,
  ...more,
});

function judged(rows: readonly Row[], more: { text?: string; settings?: CheckSettings; mutes?: Mute[] } = {}) {
  const mutes = more.mutes ?? [];
  const checks = { 'fat-table': more.settings ?? {} };
  const [check] = applySettings([definitionOf(more.text)], { checks, mutes });
  return judge(check!, { kind: 'facts', columns: [], rows }, { mutes, today: '2026-03-01' });
}

describe('facts become findings', () => {
  test('of the worst severity whose conditions all hold', () => {
    const { findings, check } = judged([
      fat('thin', 900 * MB, 29),
      fat('small', 99 * MB, 89),
      fat('fat', 100 * MB, 30),
      fat('fattest', 1, 90),
    ]);
    expect(findings.map(({ severity, object }) => [severity, object])).toEqual([
      ['warning', 'fat'],
      ['critical', 'fattest'],
    ]);
    expect(check).toEqual({
      id: 'fat-table',
      title: 'Tables are slim',
      status: 'failed',
      category: 'bloat',
      description: 'Space.',
    });
  });

  test('with message, remedy, metric and what the query said besides', () => {
    const [finding] = judged([fat('public."a%b"', 1.5 * 1024 * MB, 41.26, { free: 3 })]).findings;
    expect(finding).toMatchObject({
      object: 'public."a%b"',
      message: 'public."a%b" wastes 1.5 GB, 41.3 %',
      remediation: 'vacuum (full) public."a%b";',
      metric: 1.5 * 1024 * MB,
      unit: 'bytes',
      details: { table: 'public."a%b"', percent: 41.26, free: 3 },
    });
  });

  test('and names that look like placeholders stay names', () => {
    expect(judged([fat('{percent}$&', 100 * MB, 30)]).findings[0]!.message).toBe('{percent}$& wastes 100 MB, 30 %');
  });

  test('no row, or a column without a value, is no finding', () => {
    expect(judged([]).check.status).toBe('passed');
    expect(judged([fat('empty', 100 * MB, null)])).toMatchObject({ findings: [], check: { status: 'passed' } });
  });
});

describe('what could not be decided', () => {
  test('keeps its reason', () => {
    const [check] = applySettings([definitionOf()], { checks: {}, mutes: [] });
    const outcome = { kind: 'unknown', reason: 'needs x' } as const;
    expect(judge(check!, outcome, { mutes: [], today: '2026-03-01' }).check).toMatchObject({
      status: 'unknown',
      reason: 'needs x',
    });
  });

  test('makes the check unknown beside what was found', () => {
    const { check, findings } = judged([
      fat('fat', 100 * MB, 30),
      fat('hidden', 100 * MB, 30, { undecided: 'no statistics of hidden' }),
      fat('thin', 0, 0, { undecided: 'would not matter' }),
    ]);
    expect(findings.map(({ object }) => object)).toEqual(['fat']);
    expect(check).toMatchObject({ status: 'unknown', reason: 'no statistics of hidden' });
  });

  test('names what would decide it, once each and not for every row', () => {
    const hidden = (name: string, grant: string) =>
      fat(name, 100 * MB, 30, { undecided: `${name} is hidden`, decided_by: `grant select on ${grant} to reader;` });
    const rows = [hidden('a', 's'), hidden('b', 's'), hidden('c', 't'), hidden('d', 'u'), hidden('e', 'v')];
    expect(judged(rows).check).toMatchObject({
      reason: 'a is hidden; b is hidden; c is hidden; and 2 more like these',
      remediation: 'grant select on s to reader; grant select on t to reader; grant select on u to reader;',
    });
  });

  test('is something else than having nothing to look at', () => {
    const row = { ...fat('none', 0, 100), not_applicable: 'no tier is known' };
    expect(judged([row])).toMatchObject({
      findings: [],
      check: { status: 'not-applicable', reason: 'no tier is known' },
    });
  });

  test.each([
    [null, 'no known time'],
    [3.456, 'only 3.46 days'],
  ])('counters that cover %s days prove nothing', (days, covered) => {
    const text = HEADER.replace('-- Message', '-- Window-Days: 30\n-- Message');
    const { check, findings } = judged([fat('fat', 100 * MB, 30, { window_days: days })], { text });
    expect(findings).toEqual([]);
    expect(check.status).toBe('unknown');
    expect(check.reason).toContain(`cover ${covered}`);
    expect(check.remediation).toBe('Run it again when they cover 30 days.');
    expect(judged([fat('fat', 100 * MB, 30, { window_days: 30 })], { text }).check.status).toBe('failed');
  });
});

describe('a fingerprint', () => {
  const of = (row: Row) => judged([row]).findings[0]!.fingerprint;

  test('is the same whatever the numbers and the severity are, and differs from object to object', () => {
    expect(of(fat('a', 100 * MB, 30))).toBe(of(fat('a', 200 * MB, 95)));
    expect(of(fat('a', 100 * MB, 30))).not.toBe(of(fat('b', 100 * MB, 30)));
  });

  test('follows the key where the query gives one', () => {
    expect(of(fat('a', 100 * MB, 30, { key: 'k' }))).toBe(of(fat('renamed', 100 * MB, 30, { key: 'k' })));
  });
});

describe('the configuration', () => {
  const row = fat('fat', 50 * MB, 95);

  test('replaces conditions, one severity at a time', () => {
    expect(judged([row], { settings: { thresholds: { critical: 'percent >= 99' } } }).findings).toEqual([]);
    expect(
      judged([row], { settings: { thresholds: { critical: null, warning: 'bytes > 10 MB' } } }).findings,
    ).toMatchObject([{ severity: 'warning' }]);
  });

  test('replaces the severity and switches off', () => {
    expect(judged([row], { settings: { severity: 'info' } }).findings).toMatchObject([{ severity: 'info' }]);
    expect(judged([row], { settings: { enabled: false } }).check).toMatchObject({
      status: 'not-applicable',
      reason: 'switched off in the configuration',
    });
    const reason = 'only "Supabase" sees it';
    expect(judged([row], { settings: { enabled: false, reason } }).check).toMatchObject({
      status: 'not-applicable',
      reason: `switched off in the configuration: ${reason}`,
    });
  });

  test('is refused with every mistake at once', () => {
    const mutes = [{ check: 'fat-tabel', reason: 'x', until: '2026-01-01' }];
    const checks = {
      'fat-table': { thresholds: { warning: 'size > 1', critical: 'lots' }, windowDays: 3, reason: 'off?' },
      nothing: {},
    };
    const error = expect.objectContaining({
      kind: 'usage',
      details: [
        'diagnostics.checks.nothing: there is no check "nothing"',
        'diagnostics.mutes.0: there is no check "fat-tabel", did you mean "fat-table"?',
        expect.stringContaining('diagnostics.checks.fat-table.thresholds.critical: "lots" is not a condition'),
        'diagnostics.checks.fat-table.windowDays: the check reads no counters',
        'diagnostics.checks.fat-table.reason: says why a check is off, and this one is not',
        'diagnostics.checks.fat-table.thresholds: the check has no "size"',
      ],
    });
    expect(() => applySettings([definitionOf()], { checks, mutes })).toThrow(error);
  });
});

describe('a mute', () => {
  const rows = [fat('public.a[1]', 100 * MB, 30), fat('public.b', 100 * MB, 30)];
  const mute = { check: 'fat-table', reason: 'rebuilt in May', until: '2026-03-01' };

  test('takes away a finding by its object, and says so', () => {
    const { findings, muted, check } = judged(rows, { mutes: [{ ...mute, object: 'public.a[1]' }] });
    expect(findings.map(({ object }) => object)).toEqual(['public.b']);
    expect(muted.map(({ finding }) => finding.object)).toEqual(['public.a[1]']);
    expect(check).toMatchObject({ status: 'failed', reason: '1 finding muted until 2026-03-01: rebuilt in May' });
  });

  test('knows patterns, fingerprints and whole checks', () => {
    const [first] = judged(rows).findings;
    const left = (more: Partial<Mute>) => judged(rows, { mutes: [{ ...mute, ...more }] }).findings.map((f) => f.object);
    expect(left({ object: 'public.*' })).toEqual([]);
    expect(left({ object: '*.a*' })).toEqual(['public.b']);
    expect(left({ object: 'public' })).toHaveLength(2);
    expect(left({ fingerprint: first!.fingerprint })).toEqual(['public.b']);
    expect(left({})).toEqual([]);
  });

  test('leaves a check passed that has nothing else', () => {
    expect(judged(rows, { mutes: [mute] }).check.status).toBe('passed');
  });

  test('ends with its day: the finding is there again, and the mute is told', () => {
    const old = { ...mute, until: '2026-02-28', object: 'public.b' };
    const { findings, expired } = judged(rows, { mutes: [old] });
    expect(findings).toHaveLength(2);
    expect(expired).toEqual([old]);
  });
});
