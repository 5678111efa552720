import { expect, test } from 'vitest';
import { compare } from '../../src/orphans/written.ts';

const written = (deleted: number, updated = 0) => ({ oid: 1, title: 'public."t 1"', inserted: 0, updated, deleted });
const saved = (rows: number, action: 'orphan' | 'cascade' | 'change') => ({ oid: 1, rows, action });

test('what was saved and written is no surprise, counted from where the batch began', () => {
  const before = [written(7, 3)];
  expect(compare(before, [written(12, 3)], [saved(2, 'orphan'), saved(3, 'cascade')], 'delete', false)).toEqual([]);
  expect(compare(before, [written(7, 5)], [saved(2, 'orphan')], 'set-null', false)).toEqual([]);
  expect(compare([], [written(0, 4)], [saved(4, 'change')], 'delete', false)).toEqual([]);
});

test('a row too many, one too few and a table that nobody announced are surprises', () => {
  expect(compare([], [written(3)], [saved(2, 'orphan')], 'delete', true)).toEqual([
    'rows of public."t 1" deleted: 3, announced and saved: 2',
  ]);
  expect(compare([], [], [saved(2, 'cascade')], 'delete', true)).toHaveLength(1);
  expect(compare([], [written(0, 1)], [], 'delete', false)).toHaveLength(1);
});

test('what triggers change beyond that may be accepted, what they delete never', () => {
  expect(compare([], [written(0, 1)], [], 'delete', true)).toEqual([]);
  expect(compare([], [written(1)], [], 'delete', true)).toHaveLength(1);
  // Fewer than were saved: a change that was announced did not happen.
  expect(compare([], [written(0, 1)], [saved(2, 'orphan')], 'set-null', true)).toHaveLength(1);
});
