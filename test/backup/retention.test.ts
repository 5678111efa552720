import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expiryOf, planPrune, type RetainedBackup } from '../../src/backup/retention.ts';
import { BACKUP_CLASSES, type BackupClass, DEFAULT_KEEP_DAYS, type KeepDays } from '../../src/backup/settings.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 27);

function backup(id: string, daysAgo: number, more: Partial<RetainedBackup> = {}): RetainedBackup {
  const createdAt = NOW - daysAgo * DAY;
  return { id, database: 'a', class: 'daily', state: 'verified', createdAt, pinned: false, inUse: false, ...more };
}

function deletedOf(
  backups: readonly RetainedBackup[],
  failed: readonly string[] = [],
  now = NOW,
  keep: KeepDays = DEFAULT_KEEP_DAYS,
): string[] {
  return planPrune(backups, new Set(failed), keep, now).flatMap((decision) => (decision.delete ? [decision.id] : []));
}

describe('what is older than its class allows is deleted', () => {
  test.each<[BackupClass, number, boolean]>([
    ['daily', 6, false],
    ['daily', 8, true],
    ['weekly', 27, false],
    ['weekly', 29, true],
    ['pre-migration', 8, true],
    ['on-demand', 8, true],
    ['quarterly', 4000, false],
  ])('%s after %i days: %s', (name, days, expected) => {
    const backups = [backup('old', days, { class: name }), backup('newer', 1, { class: name }), backup('new', 0)];
    expect(deletedOf(backups).includes('old')).toBe(expected);
  });

  test('by the configured days', () => {
    const keep = { ...DEFAULT_KEEP_DAYS, daily: 30 };
    expect(deletedOf([backup('old', 29), backup('new', 0)], [], NOW, keep)).toEqual([]);
    expect(deletedOf([backup('old', 31), backup('new', 0)], [], NOW, keep)).toEqual(['old']);
  });
});

describe('is kept:', () => {
  test('the last verified one of its class, however old', () => {
    const backups = [
      backup('proved', 300),
      backup('hashed', 200, { state: 'unverified' }),
      backup('new', 0, { state: 'unverified' }),
    ];
    expect(deletedOf(backups)).toEqual(['hashed']);
  });

  test('a pinned one and one in use', () => {
    const backups = [backup('pinned', 99, { pinned: true }), backup('busy', 98, { inUse: true }), backup('new', 0)];
    expect(deletedOf(backups)).toEqual([]);
  });

  test('everything of a database whose newest backup is suspect or whose last attempt failed, and of no other', () => {
    const other = [backup('other-old', 99, { database: 'b' }), backup('other-new', 0, { database: 'b' })];
    const suspect = [backup('old', 99), backup('good', 1), backup('bad', 0, { state: 'suspect' }), ...other];
    expect(deletedOf(suspect)).toEqual(['other-old']);
    expect(deletedOf([backup('old', 99), backup('good', 0), ...other], ['a'])).toEqual(['other-old']);
  });

  test('everything while the clock is behind the newest backup', () => {
    expect(deletedOf([backup('old', 99), backup('new', 0)], [], NOW - DAY)).toEqual([]);
  });

  test('everything that was young when backups stopped coming', () => {
    const backups = [backup('a', 405), backup('b', 402), backup('c', 400)];
    expect(deletedOf(backups)).toEqual([]);
  });
});

test('a backup that is kept for ever has no expiry', () => {
  expect(expiryOf(NOW, 'quarterly', DEFAULT_KEEP_DAYS)).toBeUndefined();
  expect(expiryOf(NOW, 'daily', DEFAULT_KEEP_DAYS)).toBe(NOW + 7 * DAY);
});

describe('of 10,000 histories with failures, clock jumps, pins and two databases', () => {
  const aBackup = fc.record({
    database: fc.constantFrom('a', 'b'),
    class: fc.constantFrom(...BACKUP_CLASSES),
    state: fc.constantFrom('verified', 'unverified', 'suspect'),
    // Some lie in the future: the clock was wrong then, or is now.
    createdAt: fc.integer({ min: NOW - 120 * DAY, max: NOW + 5 * DAY }),
    pinned: fc.boolean(),
    inUse: fc.boolean(),
  });
  interface History {
    readonly backups: readonly RetainedBackup[];
    readonly failed: readonly string[];
    readonly now: number;
    readonly keep: KeepDays;
  }
  const histories: fc.Arbitrary<History> = fc.record({
    backups: fc
      .array(aBackup, { maxLength: 12 })
      .map((list) => list.map((one, i): RetainedBackup => ({ id: String(i), ...one }) as RetainedBackup)),
    failed: fc.subarray(['a', 'b']),
    now: fc.integer({ min: NOW - 10 * DAY, max: NOW + 400 * DAY }),
    keep: fc.constantFrom<KeepDays>(DEFAULT_KEEP_DAYS, { ...DEFAULT_KEEP_DAYS, daily: 0, weekly: 0, quarterly: 1 }),
  });

  /** What would be lost; a list, since asserting a million times takes longer than deciding. */
  function losses({ backups, failed, now, keep }: History): string[] {
    const gone = new Set(deletedOf(backups, failed, now, keep));
    const left = backups.filter(({ id }) => !gone.has(id));
    const found = backups.filter(({ id, pinned, inUse }) => (pinned || inUse) && gone.has(id)).map(() => 'pinned');
    for (const database of ['a', 'b']) {
      const own = backups.filter((one) => one.database === database);
      const ownGone = own.filter(({ id }) => gone.has(id));
      const newest = Math.max(...own.map(({ createdAt }) => createdAt));
      if ((failed.includes(database) || now < newest) && ownGone.length > 0) found.push('failed or early');
      const isSuspect = own.every(({ createdAt, state }) => createdAt < newest || state === 'suspect');
      if (own.length > 0 && isSuspect && ownGone.length > 0) found.push('newest suspect');
      const isProved = (one: RetainedBackup) => one.database === database && one.state === 'verified';
      if (left.some(isProved) !== backups.some(isProved)) found.push('last verified');
      const good = own.filter(({ state }) => state !== 'suspect').sort((x, y) => x.createdAt - y.createdAt);
      const lastGood = good.at(-1);
      if (lastGood !== undefined && keep[lastGood.class] !== 0 && gone.has(lastGood.id)) found.push('newest good');
    }
    // What is left is the whole truth: a second run finds nothing more to do.
    if (deletedOf(left, failed, now, keep).length > 0) found.push('not done at once');
    deletions += gone.size;
    return found;
  }

  let deletions = 0;

  test('none loses what must stay', () => {
    let runs = 0;
    const property = fc.property(histories, (history) => {
      runs += 1;
      return losses(history).length === 0;
    });
    fc.assert(property, { numRuns: 10_000, seed: 20261127 });
    expect(runs).toBe(10_000);
    expect(deletions).toBeGreaterThan(1_000);
  }, 60_000);
});
