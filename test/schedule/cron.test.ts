import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clockChanges, formatInZone, lastDue, nextRuns, parseCron } from '../../src/schedule/cron.ts';

describe('a time of cron', () => {
  test('is read with names, lists, ranges and steps', () => {
    expect(parseCron('*/20 8-10,23 1 jan,JUL mon-fri', 'at')).toEqual({
      minutes: [0, 20, 40],
      hours: [8, 9, 10, 23],
      days: [1],
      months: [1, 7],
      weekdays: [1, 2, 3, 4, 5],
      anyDay: false,
      anyWeekday: false,
    });
    expect(parseCron('0 0 * * 7', 'at').weekdays).toEqual([0]);
    expect(parseCron('0 0 * * 5-7', 'at').weekdays).toEqual([0, 5, 6]);
    expect(parseCron('0 0 * * *', 'at').weekdays).toHaveLength(7);
  });

  test.each([
    ['@daily', '1 fields'],
    ['0 3 * *', '4 fields'],
    ['0 0 3 * * *', '6 fields'],
    ['60 3 * * *', 'the minute is "60"'],
    ['0 24 * * *', 'the hour is "24"'],
    ['0 3 0 * *', 'the day is "0"'],
    ['0 3 L * *', 'the day is "L"'],
    ['0 3 * 13 *', 'the month is "13"'],
    ['0 3 * * 8', 'the weekday is "8"'],
    ['0 3 * * 1#2', 'the weekday is "1#2"'],
    ['5/10 * * * *', 'the minute is "5/10"'],
    ['9-3 * * * *', 'the minute is "9-3"'],
    ['*/0 * * * *', 'the minute is "*/0"'],
    ['*-3 * * * *', 'the minute is "*-3"'],
    ['0 3 30 2 *', 'there is no such day'],
    ["0 3 * * *; rm -rf '/'", '8 fields'],
  ])('"%s" is refused: %s', (text, why) =>
    expect(() => parseCron(text, 'schedule.jobs.x.at')).toThrow(
      `schedule.jobs.x.at "${text}" is no time of cron: ${why}`,
    ),
  );

  test('means the same to this reading and to the one that finds the next runs', () => {
    const field = (from: number, to: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: from, max: to }).map(String),
        fc
          .tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to }))
          .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      );
    const times = fc
      .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
      .map((all) => all.join(' '));
    fc.assert(
      fc.property(times, (text) => {
        const fields = parseCron(text, 'at');
        for (const run of nextRuns(text, 'UTC', new Date('2026-11-27T00:00:00Z'), 3)) {
          const isDay = fields.days.includes(run.getUTCDate());
          const isWeekday = fields.weekdays.includes(run.getUTCDay());
          const isEither = fields.anyDay || fields.anyWeekday ? isDay && isWeekday : isDay || isWeekday;
          expect([
            fields.minutes.includes(run.getUTCMinutes()),
            fields.hours.includes(run.getUTCHours()),
            fields.months.includes(run.getUTCMonth() + 1),
            isEither,
          ]).toEqual([true, true, true, true]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('when the clock changes', () => {
  const winter = new Date('2026-12-01T00:00:00Z');

  test('a time that is skipped is named, and runs right after the gap', () => {
    expect(clockChanges('0 2 * * 0', 'Europe/Berlin', winter)).toEqual([
      { at: new Date('2027-03-28T01:00:00Z'), kind: 'skipped' },
      { at: new Date('2027-10-31T00:00:00Z'), kind: 'repeated' },
    ]);
    expect(nextRuns('0 2 * * 0', 'Europe/Berlin', new Date('2027-03-22T00:00:00Z'), 2)).toEqual([
      new Date('2027-03-28T01:00:00Z'),
      new Date('2027-04-04T00:00:00Z'),
    ]);
  });

  test('a time that comes twice is due once', () => {
    expect(nextRuns('30 2 * * *', 'Europe/Berlin', new Date('2027-10-30T22:00:00Z'), 2)).toEqual([
      new Date('2027-10-31T00:30:00Z'),
      new Date('2027-11-01T01:30:00Z'),
    ]);
  });

  test('a job of another hour or weekday, of each hour, or in UTC is not named', () => {
    expect(clockChanges('0 4 * * *', 'Europe/Berlin', winter)).toEqual([]);
    expect(clockChanges('0 2 * * 1', 'Europe/Berlin', winter)).toEqual([]);
    expect(clockChanges('*/5 * * * *', 'Europe/Berlin', winter)).toEqual([]);
    expect(clockChanges('0 2 * * 0', 'UTC', winter)).toEqual([]);
  });

  test('of half an hour is found too', () => {
    const kinds = (at: string) => clockChanges(at, 'Australia/Lord_Howe', winter).map(({ kind }) => kind);
    expect([kinds('15 2 * * *'), kinds('45 1 * * *'), kinds('15 1 * * *')]).toEqual([['skipped'], ['repeated'], []]);
  });
});

test('the last due time lies before, in the zone', () => {
  expect(lastDue('0 3 * * *', 'America/New_York', new Date('2026-11-27T07:59:00Z'))).toEqual(
    new Date('2026-11-26T08:00:00Z'),
  );
  expect(lastDue('0 6 1 1,4,7,10 *', 'UTC', new Date('2026-11-27T00:00:00Z'))).toEqual(
    new Date('2026-10-01T06:00:00Z'),
  );
});

test('a time is written with weekday and offset', () => {
  const time = new Date('2027-03-28T01:00:00Z');
  expect([formatInZone(time, 'Europe/Berlin'), formatInZone(time, 'UTC'), formatInZone(time, 'Asia/Kolkata')]).toEqual([
    'Sun 2027-03-28 03:00 GMT+2',
    'Sun 2027-03-28 01:00 UTC',
    'Sun 2027-03-28 06:30 GMT+5:30',
  ]);
});
