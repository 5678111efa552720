import { describe, expect, test } from 'vitest';
import { planReplay } from '../../src/recovery/replay-plan.ts';

const SINCE = [
  { file: '001_a.sql', checksum: 'a', at: '2026-11-15T08:00:00Z' },
  { file: '002_b.sql', checksum: 'b', at: '2026-11-15T09:50:00Z' },
  { file: '003_c.sql', checksum: 'c', at: '2026-11-15T09:55:00Z' },
];

function plan(changes: Partial<Parameters<typeof planReplay>[0]> = {}) {
  return planReplay({
    pending: [
      { file: '001_a.sql', checksum: 'a' },
      { file: '002_b.sql', checksum: 'b' },
      { file: '004_d.sql', checksum: 'd' },
    ],
    known: ['001_a.sql', '002_b.sql', '004_d.sql'],
    since: SINCE,
    suspectFrom: '2026-11-15T09:05:00Z',
    include: [],
    ...changes,
  });
}

describe('a replay', () => {
  test('tells what the spoilt database had, in which form, and what has no file any more', () => {
    expect(plan()).toEqual({
      files: [
        { file: '001_a.sql', was: 'as before' },
        { file: '002_b.sql', was: 'as before' },
        { file: '004_d.sql', was: 'new' },
      ],
      suspects: [SINCE[1]],
      lost: [SINCE[2]],
    });
  });

  test('suspects every file since the backup when nobody says when it happened', () => {
    expect(plan({ suspectFrom: undefined }).suspects).toEqual([SINCE[0], SINCE[1]]);
  });

  test('suspects no file that was mended since, nor one that is said to be innocent', () => {
    expect(plan({ pending: [{ file: '002_b.sql', checksum: 'mended' }] })).toMatchObject({
      files: [{ file: '002_b.sql', was: 'mended' }],
      suspects: [],
    });
    expect(plan({ include: ['002_b.sql'] }).suspects).toEqual([]);
  });
});
