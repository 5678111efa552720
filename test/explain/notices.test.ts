import { describe, expect, test } from 'vitest';
import { findNotices, type TableFacts } from '../../src/explain/notices.ts';
import { type RawNode, type RawPlan, readPlan } from '../../src/explain/plan.ts';
import { drawTree } from '../../src/explain/tree.ts';
import { drawTable } from '../../src/report/columns.ts';
import { textWidth } from '../../src/report/text-width.ts';

const BIG: TableFacts = { schema: 'S"x', name: 'b ig', rows: 100_000, bytes: 10_000_000, policies: false };

/** A scan of the big table that returned what was expected. */
function scan(more: Record<string, unknown> = {}): RawNode {
  const relation = { Schema: 'S"x', 'Relation Name': 'b ig', Alias: 'b' };
  return { 'Node Type': 'Seq Scan', ...relation, 'Plan Rows': 100, 'Total Cost': 100, ...more };
}

function ran(rows: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { 'Actual Rows': rows, 'Actual Loops': 1, 'Actual Total Time': 10, ...more };
}

function found(node: RawNode, { tables = [BIG], calls = [] as string[], plan = {} as Partial<RawPlan> } = {}) {
  return findNotices({ plan: { Plan: node, 'Execution Time': 10, ...plan }, tables, callsPerRow: () => calls });
}

const ids = (...args: Parameters<typeof found>) => found(...args).map(({ id, severity }) => `${severity} ${id}`);

describe('a sequential scan', () => {
  test('of a large table for a few rows stands out, by the estimate and by what was measured', () => {
    expect(ids(scan({ Filter: '(b.x = 1)' }))).toEqual(['warning sequential-scan']);
    expect(ids(scan({ Filter: '(b.x = 1)', ...ran(100, { 'Rows Removed by Filter': 99_900 }) }))).toEqual([
      'warning sequential-scan',
    ]);
    expect(found(scan({ Filter: '(b.x = 1)' }))[0]).toMatchObject({
      node: 1,
      message: 'reads all of S"x.b ig (9.54 MB), about 100,000 rows, to keep 100 for which (b.x = 1)',
    });
  });

  test('of a small table, or one that keeps most rows, does not', () => {
    expect(ids(scan({ Filter: '(b.x = 1)' }), { tables: [{ ...BIG, rows: 900, bytes: 90_000 }] })).toEqual([]);
    expect(ids(scan({ Filter: '(b.x = 1)', 'Plan Rows': 60_000 }))).toEqual(['info sequential-scan']);
    expect(ids(scan({ 'Plan Rows': 100_000 }))).toEqual(['info sequential-scan']);
  });

  test('is advised by what its filter looks like', () => {
    const advice = (Filter: string) => found(scan({ Filter }))[0]?.advice;
    expect(advice("(b.x ~~* '%a'::text)")).toContain('gin_trgm_ops');
    expect(advice("(lower(b.x) = 'a'::text)")).toContain('(lower(email))');
    expect(advice('((b.x)::text = $1)')).toContain('cast');
    expect(advice("((b.x)::text = 'a'::text)")).toContain('Create an index on the columns');
  });
});

describe('an estimate', () => {
  const join = (rows: number, child: Record<string, unknown>): RawNode => ({
    'Node Type': 'Hash Join',
    'Plan Rows': 10,
    'Total Cost': 200,
    ...ran(rows),
    Plans: [scan({ 'Plan Rows': 100, ...child })],
  });

  test('that is wrong ten times over stands out at the deepest node that it is wrong in', () => {
    const small = { tables: [{ ...BIG, rows: 100, bytes: 1 }] };
    expect(found(join(5_000, ran(2_000)), small)).toMatchObject([
      {
        id: 'misestimate',
        node: 2,
        message: expect.stringContaining('20 times more'),
        advice: 'analyze "S""x"."b ig";',
      },
    ]);
    expect(found(join(5_000, ran(110)), small)).toMatchObject([{ id: 'misestimate', node: 1 }]);
    expect(ids(join(12, ran(110)), small)).toEqual([]);
    expect(ids(scan(ran(1, { 'Plan Rows': 5_000 })), small)).toEqual(['warning misestimate']);
  });

  test('of a node that was never reached says nothing', () => {
    expect(
      ids(scan({ 'Plan Rows': 5_000, 'Actual Rows': 0, 'Actual Loops': 0, 'Actual Total Time': 0 }), { tables: [] }),
    ).toEqual([]);
  });
});

describe('what did not fit into work_mem', () => {
  const node = (more: Record<string, unknown>): RawNode => ({
    'Node Type': 'Sort',
    'Plan Rows': 1,
    'Total Cost': 1,
    ...ran(1),
    ...more,
  });

  test('stands out, with how much would be enough', () => {
    expect(found(node({ 'Sort Space Type': 'Disk', 'Sort Space Used': 10_240 }))).toMatchObject([
      { id: 'spill', message: 'Sort: the sort wrote 10 MB to disk', advice: "set local work_mem = '32MB';" },
    ]);
    expect(ids(node({ 'Node Type': 'Hash', 'Hash Batches': 4, 'Peak Memory Usage': 4_096 }))).toEqual([
      'warning spill',
    ]);
    expect(ids(node({ 'Node Type': 'Aggregate', 'Disk Usage': 4_096, 'Peak Memory Usage': 4_096 }))).toEqual([
      'warning spill',
    ]);
    expect(ids(node({ 'Sort Space Type': 'Memory', 'Sort Space Used': 10_240, 'Hash Batches': 1 }))).toEqual([]);
  });

  test('is not to be cured with more memory than a server has to give', () => {
    expect(found(node({ 'Sort Space Type': 'Disk', 'Sort Space Used': 2_000_000 }))[0]?.advice).toContain('too much');
  });
});

test('rows that an index scan reads and throws away stand out, few of them do not', () => {
  const node = (removed: number) =>
    scan({ 'Node Type': 'Index Scan', Filter: '(b.y = 2)', ...ran(100, { 'Rows Removed by Filter': removed }) });
  expect(ids(node(50_000))).toEqual(['warning rows-removed']);
  expect(ids(node(500))).toEqual([]);
});

test('a nested loop stands out by how often its inner side runs, unless Memoize answers', () => {
  const loop = (inner: Record<string, unknown>, outerRows = 50_000): RawNode => ({
    'Node Type': 'Nested Loop',
    'Plan Rows': outerRows,
    'Total Cost': 5,
    Plans: [
      { 'Node Type': 'Index Scan', 'Plan Rows': outerRows, 'Total Cost': 1 },
      { 'Node Type': 'Index Scan', 'Plan Rows': 1, 'Total Cost': 1, ...inner },
    ],
  });
  expect(ids(loop({}))).toEqual(['info nested-loop']);
  expect(ids(loop({ 'Node Type': 'Memoize' }))).toEqual([]);
  expect(ids(loop({}, 20))).toEqual([]);
  expect(ids(loop({ 'Node Type': 'Seq Scan' }, 20))).toEqual(['warning nested-loop']);
});

test('JIT and triggers stand out by their share of the time', () => {
  const plan = (jit: number, trigger: number): Partial<RawPlan> => ({
    'Execution Time': 100,
    JIT: { Timing: { Total: jit } },
    Triggers: [{ 'Trigger Name': "it's", Relation: 't', Time: trigger, Calls: 3 }],
  });
  const node = { 'Node Type': 'Result', 'Plan Rows': 1, 'Total Cost': 1, ...ran(1) };
  expect(ids(node, { plan: plan(60, 30) })).toEqual(['warning jit', 'warning trigger']);
  expect(ids(node, { plan: plan(5, 5) })).toEqual([]);
});

test('a call for each row stands out where policies bind, and only there', () => {
  const calls = ["current_setting('app.tenant')"];
  const small = { ...BIG, rows: 10, bytes: 1 };
  expect(ids(scan(), { tables: [{ ...small, policies: true }], calls })).toEqual(['warning policy-per-row']);
  expect(ids(scan(), { tables: [small], calls })).toEqual([]);
});

test('the worst comes first: by severity, then by its part of the whole', () => {
  const node: RawNode = {
    'Node Type': 'Append',
    'Plan Rows': 1,
    'Total Cost': 1_000,
    Plans: [
      scan({ Filter: '(a)', 'Total Cost': 100 }),
      scan({ 'Total Cost': 500, 'Plan Rows': 100_000 }),
      scan({ Filter: '(c)', 'Total Cost': 400 }),
    ],
  };
  expect(found(node).map(({ node: id }) => id)).toEqual([4, 2, 3]);
});

describe('the tree', () => {
  const deep = (depth: number): RawNode =>
    depth === 0
      ? scan({ Filter: `(b."it's" = '${'x'.repeat(300)}')`, ...ran(123_456_789) })
      : {
          'Node Type': 'Nested Loop',
          'Plan Rows': 987_654_321,
          'Total Cost': 9,
          ...ran(5),
          Plans: [deep(depth - 1), scan(ran(1))],
        };

  test.each([1, 12, 40])('of depth %i fits 80 columns', (depth) => {
    const lines = drawTable(drawTree(readPlan({ Plan: deep(depth) }), []), undefined);
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(80);
    expect(lines.join('\n')).toContain('Seq Scan on S"x.b ig b');
  });

  test('carries the numbers of what stands out', () => {
    const plan = { Plan: scan({ Filter: '(b.x = 1)' }) };
    const notices = found(plan.Plan);
    expect(drawTree(readPlan(plan), notices).rows[0]?.at(-1)).toBe('1');
  });
});

test('time under Gather is that of the clock, not the sum of its workers', () => {
  const plan = readPlan({
    Plan: {
      'Node Type': 'Gather',
      'Workers Launched': 2,
      ...ran(3, { 'Actual Total Time': 12 }),
      Plans: [scan(ran(1, { 'Actual Loops': 3, 'Actual Total Time': 10 }))],
    },
  });
  expect(plan.actual?.selfMs).toBeCloseTo(2);
});
