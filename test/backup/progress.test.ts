import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteCounter, CopyProgress, rowProgress } from '../../src/backup/progress.ts';
import { type Progress, progressBar, progressText } from '../../src/report/progress.ts';
import { textWidth } from '../../src/report/text-width.ts';

describe('progress', () => {
  test('counts the rows of tables that are done and of those that run', () => {
    const progress = new CopyProgress([
      { name: 'public.a', rows: 100 },
      { name: 'public.b', rows: 300 },
    ]);
    expect(progress.sample([], 0)).toMatchObject({ percent: 0, rowsPerSecond: 0, msLeft: undefined });
    progress.begin('public.a');
    expect(progress.sample([{ name: 'public.a', rows: 40 }], 1000)).toMatchObject({ percent: 10, rowsPerSecond: 40 });
    progress.begin('public.b');
    const sample = progress.sample([{ name: 'public.b', rows: 100 }], 2000);
    expect(sample).toEqual({ percent: 50, rowsDone: 200, rowsTotal: 400, rowsPerSecond: 100, msLeft: 2000 });
    expect(progressText(rowProgress('dumping', sample))).toBe(
      'dumping: 50 %, 2 s left, 100 rows/s, 200 of about 400 rows',
    );
  });

  test('is 99 % at most: the rest is the manifest', () => {
    const progress = new CopyProgress([{ name: 'a', rows: 5 }]);
    progress.begin('a');
    expect(progress.sample([], 1).percent).toBe(99);
  });

  test('goes by counts as soon as there are any', () => {
    // Never analyzed: the statistics say nothing about it.
    const progress = new CopyProgress([
      { name: 'public.a', rows: 0 },
      { name: 'public.b', rows: 500 },
    ]);
    progress.know({ name: 'public.a', rows: 1000 });
    progress.know({ name: 'public.b', rows: 0 });
    progress.know({ name: 'other', rows: 5 });
    progress.begin('public.a');
    const sample = progress.sample([{ name: 'public.a', rows: 500 }], 1000);
    expect(sample).toMatchObject({ percent: 49, rowsDone: 500, rowsTotal: 1001 });
  });

  test('knows no tables and no division by zero', () => {
    expect(new CopyProgress([]).sample([{ name: 'other', rows: 3 }], 1)).toMatchObject({ percent: 0 });
  });

  test('never goes back, whatever the statistics say about a table', () => {
    const steps = fc.array(
      fc.record({
        table: fc.constantFrom('a', 'b', 'c'),
        rows: fc.nat(500),
        begin: fc.boolean(),
        count: fc.option(fc.nat(800), { nil: undefined }),
      }),
    );
    fc.assert(
      fc.property(steps, fc.nat(400), (moves, rows) => {
        const progress = new CopyProgress(['a', 'b', 'c'].map((name) => ({ name, rows })));
        let [last, now] = [0, 0];
        for (const move of moves) {
          if (move.begin) progress.begin(move.table);
          now += 500;
          if (move.count !== undefined) progress.know({ name: move.table, rows: move.count });
          const { percent, rowsDone, rowsTotal } = progress.sample([{ name: move.table, rows: move.rows }], now);
          expect(rowsDone).toBeLessThanOrEqual(rowsTotal);
          expect(percent).toBeGreaterThanOrEqual(last);
          expect(percent).toBeLessThanOrEqual(99);
          last = percent;
        }
      }),
    );
  });
});

describe('a line of progress', () => {
  const now: Progress = {
    what: 'restoring',
    share: 0.42,
    details: ['4.5 s left', '400 rows/s', '1,200 of 3,000 rows'],
  };

  test('has a bar and as much of the rest as fits, the most important first', () => {
    const whole = 'restoring [########------------] 42 % 4.5 s left, 400 rows/s, 1,200 of 3,000 rows';
    expect(progressBar(now)).toBe(whole);
    expect(progressBar(now, 79)).toBe('restoring [########------------] 42 % 4.5 s left, 400 rows/s');
    expect(progressBar(now, 50)).toBe('restoring [########------------] 42 % 4.5 s left');
    expect(progressBar(now, 40)).toBe('restoring [########------------] 42 %');
    expect(progressBar(now, 30)).toBe('restoring [####------] 42 %');
  });

  test('fits into any number of columns that holds its name and a short bar', () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(fc.record({ what: text, share: fc.double({ noNaN: true }), details: fc.array(text) }), (progress) => {
        expect(textWidth(progressBar(progress, 60))).toBeLessThanOrEqual(60);
      }),
    );
  });

  test('is never over the end, and has no bar while nobody can tell', () => {
    expect(progressBar({ ...now, share: 7, details: [] })).toBe('restoring [####################] 100 %');
    expect(progressBar({ ...now, share: undefined })).toBe('restoring 4.5 s left, 400 rows/s, 1,200 of 3,000 rows');
    expect(progressText({ ...now, share: undefined, details: [] })).toBe('restoring');
  });

  test('of bytes tells how many are left and how fast they go', () => {
    const told: Progress[] = [];
    const onBytes = byteCounter('reading', 4096, (progress) => told.push(progress));
    onBytes(1024);
    // So soon nobody could read another.
    onBytes(1024);
    expect(told).toEqual([{ what: 'reading', share: 0.25, details: ['1 kB of 4 kB'] }]);
  });
});
