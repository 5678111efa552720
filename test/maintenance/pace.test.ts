import { expect, test } from 'vitest';
import { type RecordedRun, unfinishedRun } from '../../src/maintenance/history.ts';
import { type Activity, costLimitFor, isWithin, parseWindow, reasonToWait } from '../../src/maintenance/pace.ts';
import { DEFAULT_MAINTENANCE } from '../../src/maintenance/settings.ts';

const QUIET: Activity = { activeSessions: 0, lagBytes: 0, holders: [], migration: undefined, transactions: undefined };
const plain = { needsHorizon: false, isUrgent: false, isLarge: false };
const vacuum = { ...plain, kind: 'vacuum', needsHorizon: true } as const;
const analyze = { ...plain, kind: 'analyze' } as const;
const reindex = { ...plain, kind: 'reindex' } as const;
const large = { ...plain, kind: 'reindex', isLarge: true } as const;
const urgent = { ...plain, kind: 'vacuum', isUrgent: true } as const;

test.each([
  ['nothing', {}, []],
  ['sessions at work', { activeSessions: 20 }, ['vacuum', 'analyze', 'reindex', 'large']],
  ['a standby behind', { lagBytes: 64 * 1024 * 1024 }, ['vacuum', 'analyze', 'reindex', 'large']],
  ['an old transaction', { holders: [{ holder: 'pid 7', seconds: 600, fix: '' }] }, ['vacuum', 'reindex', 'large']],
  ['a young transaction', { holders: [{ holder: 'pid 7', seconds: 599, fix: '' }] }, []],
  ['a slot', { holders: [{ holder: 'replication slot s', seconds: undefined, fix: '' }] }, []],
  ['many transactions', { transactions: 50 }, ['large']],
  ['few transactions', { transactions: 49 }, []],
  ['a migration', { migration: 'pid 8' }, ['vacuum', 'analyze', 'reindex', 'large', 'urgent']],
])('%s makes these wait', (_, activity: Partial<Activity>, waiting) => {
  const items = { vacuum, analyze, reindex, large, urgent };
  const found = Object.entries(items).filter(
    ([, item]) => reasonToWait({ ...QUIET, ...activity }, item, DEFAULT_MAINTENANCE.busy) !== undefined,
  );
  expect(found.map(([name]) => name)).toEqual(waiting);
});

test.each([
  ['01:00-05:00', ['01:00', '04:59'], ['00:59', '05:00', '13:00']],
  ['22:30-4:00', ['22:30', '23:59', '00:00', '03:59'], ['22:29', '04:00', '12:00']],
])('the hours %s are those of the clock, over midnight as well', (hours, inside, outside) => {
  const isInside = (time: string) => isWithin(hours, new Date(`2026-11-27T${time}:00`));
  expect(inside.map(isInside)).toEqual(inside.map(() => true));
  expect(outside.map(isInside)).toEqual(outside.map(() => false));
  expect(isWithin(undefined, new Date())).toBe(false);
});

test('VACUUM goes as fast as autovacuum while the server is known to be quiet, and gently otherwise', () => {
  const at = (transactions: number | undefined) => costLimitFor(transactions, DEFAULT_MAINTENANCE);
  expect([undefined, 0, 49, 50, 5_000].map(at)).toEqual([25, 200, 200, 25, 25]);
  const fast = { ...DEFAULT_MAINTENANCE, vacuum: { ...DEFAULT_MAINTENANCE.vacuum, costLimit: 1_000 } };
  expect(costLimitFor(0, fast)).toBe(1_000);
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
