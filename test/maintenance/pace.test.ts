import { expect, test } from 'vitest';
import { type RecordedRun, unfinishedRun } from '../../src/maintenance/history.ts';
import { type Activity, parseWindow, reasonToWait } from '../../src/maintenance/pace.ts';
import { DEFAULT_MAINTENANCE } from '../../src/maintenance/settings.ts';

const QUIET: Activity = { activeSessions: 0, lagBytes: 0, holders: [], migration: undefined };
const vacuum = { kind: 'vacuum', needsHorizon: true, isUrgent: false } as const;
const analyze = { kind: 'analyze', needsHorizon: false, isUrgent: false } as const;
const reindex = { kind: 'reindex', needsHorizon: false, isUrgent: false } as const;
const urgent = { kind: 'vacuum', needsHorizon: false, isUrgent: true } as const;

test.each([
  ['nothing', {}, []],
  ['sessions at work', { activeSessions: 20 }, ['vacuum', 'analyze', 'reindex']],
  ['a standby behind', { lagBytes: 64 * 1024 * 1024 }, ['vacuum', 'analyze', 'reindex']],
  ['an old transaction', { holders: [{ holder: 'pid 7', seconds: 600, fix: '' }] }, ['vacuum', 'reindex']],
  ['a young transaction', { holders: [{ holder: 'pid 7', seconds: 599, fix: '' }] }, []],
  ['a slot', { holders: [{ holder: 'replication slot s', seconds: undefined, fix: '' }] }, []],
  ['a migration', { migration: 'pid 8' }, ['vacuum', 'analyze', 'reindex', 'urgent']],
])('%s makes these wait', (_, activity: Partial<Activity>, waiting) => {
  const items = { vacuum, analyze, reindex, urgent };
  const found = Object.entries(items).filter(
    ([, item]) => reasonToWait({ ...QUIET, ...activity }, item, DEFAULT_MAINTENANCE.busy) !== undefined,
  );
  expect(found.map(([name]) => name)).toEqual(waiting);
});

test('a window ends at the next such time of day, or after that long, whichever comes first', () => {
  const evening = new Date(2026, 10, 27, 23, 30);
  expect(parseWindow('05:00', undefined, evening)?.deadline).toBe(new Date(2026, 10, 28, 5).getTime());
  expect(parseWindow('5:00', undefined, new Date(2026, 10, 28, 4, 59))?.deadline).toBe(
    new Date(2026, 10, 28, 5).getTime(),
  );
  expect(parseWindow('23:45', 3_600_000, evening)).toMatchObject({ text: 'until 23:45' });
  expect(parseWindow('05:00', 3_600_000, evening)).toEqual({
    deadline: evening.getTime() + 3_600_000,
    text: 'for 1 h',
  });
  expect(parseWindow(undefined, undefined, evening)).toBeUndefined();
  for (const wrong of ['25:00', '5', '05:60', 'noon']) {
    expect(() => parseWindow(wrong, undefined, evening)).toThrow(`--until "${wrong}" is not a time of day`);
  }
});

test('a routine is gone on with when its last run was stopped or killed, for a week', () => {
  const run = (changes: Partial<RecordedRun>): RecordedRun => ({
    id: 1,
    command: 'maintain monthly',
    startedAt: '2026-11-01T02:00:00.000Z',
    endedAt: undefined,
    outcome: 'stopped',
    by: 'cron',
    measures: undefined,
    tasks: [],
    ...changes,
  });
  const now = Date.parse('2026-11-03T02:00:00.000Z');
  const found = (...runs: RecordedRun[]) => unfinishedRun(runs, 'maintain monthly', now)?.id;
  expect(found(run({}))).toBe(1);
  expect(found(run({ outcome: 'killed' }))).toBe(1);
  expect(found(run({ id: 3, outcome: 'running' }), run({ id: 2, command: 'maintain weekly' }), run({}))).toBe(1);
  expect(found(run({ id: 2, outcome: 'done' }), run({}))).toBeUndefined();
  expect(found(run({ startedAt: '2026-10-26T02:00:00.000Z' }))).toBeUndefined();
});
