import { describe, expect, test } from 'vitest';
import {
  comingPartitions,
  createStatement,
  detachStatement,
  expired,
  type Partition,
  type PartitionedTable,
  type Protection,
  protectionProblem,
  protectStatements,
  stepOf,
  unprotected,
} from '../../src/partitions/plan.ts';

const at = (text: string) => Date.parse(`${text}T00:00:00Z`);

function partition(name: string, from: string, to: string, given: Partial<Partition> = {}): Partition {
  return {
    schema: 'public',
    name,
    range: { from: at(from), to: at(to) },
    isDefault: false,
    rlsEnabled: true,
    rlsForced: true,
    policies: 1,
    detachPending: false,
    ...given,
  };
}

const fallback = partition('events_default', '2000-01-01', '2000-01-02', { range: undefined, isDefault: true });

function table(partitions: readonly Partition[], given: Partial<PartitionedTable> = {}): PartitionedTable {
  return {
    schema: 'public',
    name: 'events',
    column: 'created_at',
    rlsEnabled: true,
    rlsForced: true,
    partitions,
    ...given,
  };
}

const policy = (given: Partial<Protection['policies'][number]>): Protection['policies'][number] => ({
  name: 'own',
  permissive: true,
  command: 'all',
  roles: [],
  using: 'a = 1',
  check: null,
  isCorrelated: false,
  readsItself: false,
  ...given,
});

const OPEN = { rlsEnabled: true, rlsForced: true, grants: [], indexes: [] };

const monthly = table([
  partition('events_2026_10', '2026-10-01', '2026-11-01'),
  partition('events_2026_11', '2026-11-01', '2026-12-01'),
]);

describe('the step', () => {
  test.each([
    ['day', '2026-02-28', '2026-03-01'],
    ['week', '2026-11-23', '2026-11-30'],
    ['month', '2026-02-01', '2026-03-01'],
    ['quarter', '2026-10-01', '2027-01-01'],
    ['year', '2028-01-01', '2029-01-01'],
  ])('is a %s', (step, from, to) => expect(stepOf(table([partition('p', from, to), fallback]))).toBe(step));

  test('is unknown when the newest differ, and that of the newest when only older ones differ', () => {
    const year = partition('y', '2025-01-01', '2026-01-01');
    const months = ['08', '09', '10'].map((month, index) =>
      partition(`m${month}`, `2026-${month}-01`, `2026-${String(index + 9).padStart(2, '0')}-01`),
    );
    expect(stepOf(table([year, ...months]))).toBe('month');
    expect(stepOf(table([year, ...months.slice(0, 2)]))).toBeUndefined();
    expect(stepOf(table([fallback]))).toBeUndefined();
  });
});

describe('coming partitions', () => {
  test('reach as far ahead as is asked, over the turn of the year, named like the last', () =>
    expect(comingPartitions(monthly, at('2026-11-27'), 2)).toEqual([
      { name: 'events_2026_12', from: at('2026-12-01'), to: at('2027-01-01') },
      { name: 'events_2027_01', from: at('2027-01-01'), to: at('2027-02-01') },
    ]));

  test('fill up what was missed, and are none when they are there', () => {
    expect(comingPartitions(monthly, at('2027-02-10'), 0).map(({ name }) => name)).toEqual([
      'events_2026_12',
      'events_2027_01',
      'events_2027_02',
    ]);
    expect(comingPartitions(monthly, at('2026-11-01'), 0)).toEqual([]);
  });

  test.each([
    ['ev_2025', '2025-01-01', '2026-01-01', 'ev_2026'],
    ['ev 2026-11 "old"', '2026-11-01', '2026-12-01', 'ev 2026-12 "old"'],
    ['ev202611', '2026-11-01', '2026-12-01', 'ev202612'],
    ['ev_2026_q4', '2026-10-01', '2027-01-01', 'ev_2027_q1'],
    ['ev_2026_11_23', '2026-11-23', '2026-11-30', 'ev_2026_11_30'],
    ['ev_20261123', '2026-11-23', '2026-11-30', 'ev_20261130'],
    ['ev_november', '2026-11-01', '2026-12-01', 'events_2026_12_01'],
    // A year alone would name every month of it.
    ['ev_2026', '2026-11-01', '2026-12-01', 'events_2026_12_01'],
  ])('after %s (%s to %s) comes %s', (name, from, to, next) =>
    expect(comingPartitions(table([partition(name, from, to)]), at(from), 1)[0]!.name).toBe(next),
  );
});

test('statements quote hostile names and roles', () => {
  const hostile = table([], { schema: 'My "s"', name: `o'r %s` });
  expect(createStatement(hostile, { name: 'p"1', from: at('2026-12-01'), to: at('2027-01-01') })).toBe(
    `create table "My ""s"""."p""1" partition of "My ""s"""."o'r %s" for values from ('2026-12-01 00:00:00') to ('2027-01-01 00:00:00')`,
  );
  const statements = protectStatements('s', 'p', {
    source: '"s"."old"',
    columns: ['a'],
    rlsEnabled: true,
    rlsForced: true,
    policies: [policy({ name: 'p"x', permissive: false, roles: ['r"1'] })],
    grants: [{ grantee: '', privilege: 'select', grantable: false }],
    indexes: [{ unique: false, definition: 'USING btree (a)' }],
  });
  expect(statements).toEqual([
    'alter table "s"."p" enable row level security',
    'alter table "s"."p" force row level security',
    'create policy "p""x" on "s"."p" as restrictive for all to "r""1" using (a = 1)',
    'grant select on "s"."p" to public',
    'create index on "s"."p" USING btree (a)',
  ]);
});

test('a condition that refers to its row from a sub-query is written by the server for the new table, under any name', () => {
  const [, , statement] = protectStatements('s', 'p', {
    source: '"s"."o\'ld $aisha$"',
    columns: ['a'],
    rlsEnabled: true,
    rlsForced: true,
    policies: [policy({ name: "it's", isCorrelated: true, check: 'a = 2' })],
    grants: [],
    indexes: [],
  });
  expect(statement).toMatch(/^do \$aisha2\$/);
  expect(statement).toContain(`'create policy "it''s" on "s"."p" as permissive for all to public' || ' using ('`);
  expect(statement).toContain(`pg_get_expr(p.polwithcheck, '"s"."p"'::regclass)`);
});

test('a policy that means something else on another partition is a problem; that of the table itself is none', () => {
  const of = (source: string, columns: string[], ...policies: Protection['policies']) =>
    protectionProblem(monthly, { ...OPEN, source, columns, policies }, ['a', 'b']);
  const own = policy({ name: 'p%', readsItself: true });
  expect(of('"public"."events_2026_11"', ['a', 'b'], own)).toMatch(/^policy "p%" of .*2026_11" reads that partition/);
  expect(of('"public"."events"', ['a', 'b'], own)).toBeUndefined();
  const correlated = policy({ isCorrelated: true });
  expect(of('"public"."events_2026_11"', ['a', 'b'], correlated)).toBeUndefined();
  for (const columns of [['b', 'a'], ['', 'a', 'b'], ['a']])
    expect(of('"public"."events_2026_11"', columns, correlated)).toContain('not in the order');
  expect(of('"public"."events_2026_11"', ['b', 'a'], policy({}))).toBeUndefined();
});

test('what is expired ended before the cutoff, and is detached concurrently where that is possible', () => {
  const [october] = monthly.partitions;
  expect(expired(monthly, at('2026-11-01'))).toEqual([october]);
  expect(expired(monthly, at('2026-10-31'))).toEqual([]);
  expect(detachStatement(monthly, october!, 150_000)).toMatch(/detach partition .* concurrently$/);
  expect(detachStatement(monthly, october!, 130_000)).not.toContain('concurrently');
  const withDefault = table([...monthly.partitions, fallback]);
  expect(detachStatement(withDefault, october!, 150_000)).not.toContain('concurrently');
  expect(detachStatement(withDefault, { ...october!, detachPending: true }, 150_000)).toMatch(/finalize$/);
});

test('a partition without RLS, without FORCE or without a policy is unprotected, unless its table is', () => {
  const parts = [
    partition('a', '2026-01-01', '2026-02-01', { rlsEnabled: false }),
    partition('b', '2026-02-01', '2026-03-01', { rlsForced: false }),
    partition('c', '2026-03-01', '2026-04-01', { policies: 0 }),
    partition('d', '2026-04-01', '2026-05-01'),
  ];
  expect(unprotected(table(parts)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(unprotected(table(parts, { rlsEnabled: false }))).toEqual([]);
});
