import { describe, expect, test } from 'vitest';
import { type HistoryRun, judge, type LastRun, latestRun, recordedRun } from '../../src/schedule/verdict.ts';

const NOW = new Date('2026-11-27T05:30:00Z');
const DUE = new Date('2026-11-27T03:00:00Z');
const DUTY = { at: '0 3 * * *', zone: 'UTC', graceMs: 7_200_000, since: undefined };
const ranAt = (time: string, exitCode = 0, reason?: string): LastRun => ({
  startedAt: new Date(time),
  exitCode,
  reason,
});

describe('a job', () => {
  test('that began since it was due has run, also a few seconds early', () => {
    expect(judge(DUTY, ranAt('2026-11-27T03:00:02Z'), NOW)).toMatchObject({ kind: 'ran', due: DUE });
    expect(judge(DUTY, ranAt('2026-11-27T02:59:50Z'), NOW).kind).toBe('ran');
  });

  test('whose last run is that of the day before was missed', () =>
    expect(judge(DUTY, ranAt('2026-11-26T03:00:02Z'), NOW)).toEqual({
      kind: 'missed',
      due: DUE,
      lastRun: new Date('2026-11-26T03:00:02Z'),
    }));

  test('is not late within its grace', () =>
    expect(judge(DUTY, ranAt('2026-11-26T03:00:02Z'), new Date('2026-11-27T04:59:00Z')).kind).toBe('ran'));

  test('with findings has run, with any other code has failed, with the reason', () => {
    expect(judge(DUTY, ranAt('2026-11-27T03:00:02Z', 1), NOW).kind).toBe('ran');
    expect(judge(DUTY, ranAt('2026-11-27T03:00:02Z', 3, 'no connection'), NOW)).toMatchObject({
      kind: 'failed',
      reason: 'no connection',
    });
    expect(judge(DUTY, ranAt('2026-11-27T03:00:02Z', 10), NOW)).toMatchObject({ reason: 'exit code 10' });
  });

  test('that never ran is missed, unless it was installed after it was due', () => {
    expect(judge(DUTY, undefined, NOW)).toEqual({ kind: 'missed', due: DUE, lastRun: undefined });
    const since = new Date('2026-11-27T03:30:00Z');
    expect(judge({ ...DUTY, since }, undefined, NOW)).toEqual({ kind: 'not due yet' });
    expect(judge({ ...DUTY, since }, ranAt('2026-11-27T04:00:00Z', 2), NOW).kind).toBe('failed');
    expect(judge({ ...DUTY, since }, undefined, new Date('2026-11-28T05:30:00Z')).kind).toBe('missed');
  });

  test('is due in its zone, the day of a clock change included', () => {
    const berlin = { ...DUTY, at: '30 2 * * *', zone: 'Europe/Berlin', graceMs: 0 };
    expect(judge(berlin, ranAt('2027-03-27T01:30:01Z'), new Date('2027-03-28T00:59:00Z')).kind).toBe('ran');
    expect(judge(berlin, ranAt('2027-03-27T01:30:01Z'), new Date('2027-03-28T01:01:00Z')).kind).toBe('missed');
  });
});

describe('the history of maintenance', () => {
  const run = (outcome: string, tasks: HistoryRun['tasks'] = []): HistoryRun => ({
    command: 'maintain monthly',
    startedAt: '2026-11-27T03:00:05Z',
    outcome,
    tasks,
  });
  const told = (...runs: HistoryRun[]) => recordedRun(['maintain', 'monthly', '--until', '05:00'], runs);

  test.each([
    ['done', [], undefined],
    ['stopped', [], undefined],
    ['running', [], undefined],
    ['failed', [{ task: 'vacuum', object: 'public.a', state: 'failed' }], undefined],
    ['failed', [{ task: 'backup', state: 'failed' }], 'failed: backup'],
    ['failed', [], 'it ended with an error'],
    ['killed', [{ task: 'vacuum', state: 'done' }], 'it was killed, or lost its connection'],
  ] as const)('%s, %j: %s', (outcome, tasks, reason) => {
    const known = told(run(outcome, tasks));
    expect(known).toMatchObject({ startedAt: new Date('2026-11-27T03:00:05Z'), reason });
    expect(judge(DUTY, known, NOW).kind).toBe(reason === undefined ? 'ran' : 'failed');
  });

  test('knows nothing of other commands', () => {
    expect(told({ ...run('done'), command: 'maintain weekly' })).toBeUndefined();
    expect(recordedRun(['rls-check'], [run('done')])).toBeUndefined();
  });

  test('is believed over an older report, and not over the report of the same run', () => {
    const report = ranAt('2026-11-27T03:00:02Z', 10, 'no space');
    expect(latestRun(report, undefined, told(run('failed')))).toBe(report);
    const older = ranAt('2026-11-26T03:00:02Z');
    expect(latestRun(older, undefined, told(run('killed')))?.reason).toContain('killed');
    expect(latestRun(undefined, undefined, undefined)).toBeUndefined();
  });
});
