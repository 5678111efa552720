import { expect, test } from 'vitest';
import type { Facts, IndexFacts, TableFacts } from '../../src/maintenance/facts.ts';
import { ASSUMED_RATES, planFull, planWork, type WorkRequest } from '../../src/maintenance/plan.ts';
import { DEFAULT_MAINTENANCE } from '../../src/maintenance/settings.ts';

const MB = 1024 * 1024;
let oid = 1_000;

function table(name: string, changes: Partial<TableFacts> = {}): TableFacts {
  oid += 1;
  return {
    oid,
    schema: 'public',
    name,
    label: `public.${name}`,
    isRoot: false,
    owner: 'app',
    mayVacuum: true,
    mayReindex: true,
    bytes: 100 * MB,
    indexBytes: 0,
    liveRows: 100_000,
    deadRows: 0,
    insertedRows: 0,
    changedRows: 0,
    age: 0,
    isAnalysed: true,
    isRootStale: false,
    ...changes,
  };
}

function index(name: string, of: TableFacts, changes: Partial<IndexFacts> = {}): IndexFacts {
  oid += 1;
  return {
    oid,
    schema: 'public',
    name,
    label: `public.${name}`,
    tableOid: of.oid,
    tableLabel: of.label,
    bytes: 50 * MB,
    isValid: true,
    obstacle: undefined,
    isLeftover: false,
    ...changes,
  };
}

const facts = (tables: readonly TableFacts[], changes: Partial<Facts> = {}): Facts => ({
  role: 'maintainer',
  freezeMaxAge: 200_000_000,
  tables,
  indexes: [],
  bloat: new Map(),
  holders: new Map(),
  ...changes,
});

function plan(known: Facts, kinds: Iterable<'vacuum' | 'analyze' | 'reindex'>, ...names: string[]) {
  const request: WorkRequest = { kinds: new Set(kinds), names };
  return planWork(known, request, DEFAULT_MAINTENANCE, ASSUMED_RATES);
}

const statements = (known: Facts, ...kinds: ('vacuum' | 'analyze' | 'reindex')[]) =>
  plan(known, kinds).items.map(({ statement }) => statement);

test('a table is vacuumed from its thresholds on, what is near wraparound first and frozen, then by benefit', () => {
  const tables = [
    table('few', { deadRows: 999 }),
    table('share', { deadRows: 5_000 }),
    table('small', { deadRows: 6_000, liveRows: 10_000, bytes: MB }),
    table('half', { deadRows: 100_000 }),
    table('inserted', { insertedRows: 25_000 }),
    table('young', { age: 149_000_000 }),
    table('old', { age: 150_000_000, bytes: MB }),
    table('urgent', { age: 200_000_000, bytes: 0 }),
    table('root', { isRoot: true, deadRows: 100_000 }),
  ];
  expect(statements(facts(tables), 'vacuum')).toEqual([
    'vacuum (freeze, analyze) public.urgent',
    'vacuum (analyze) public.half',
    'vacuum (analyze) public.inserted',
    'vacuum (analyze) public.small',
    'vacuum (freeze, analyze) public.old',
  ]);
});

test('a table is analysed when much changed, when it never was, and as a root; not twice when it is vacuumed', () => {
  const tables = [
    table('fresh', { changedRows: 4_999 }),
    table('stale', { changedRows: 5_000 }),
    table('new', { isAnalysed: false }),
    table('empty', { isAnalysed: false, liveRows: 99 }),
    table('root', { isRoot: true, isRootStale: true }),
    table('dead', { deadRows: 50_000, changedRows: 50_000 }),
  ];
  expect(statements(facts(tables), 'vacuum', 'analyze')).toEqual([
    'vacuum (analyze) public.dead',
    'analyze public.new',
    'analyze public.stale',
    'analyze public.root',
  ]);
});

test('leftovers are removed before anything else, indexes are rebuilt by what they waste', () => {
  const busy = table('busy', { deadRows: 50_000 });
  const indexes = [
    index('little', busy),
    index('some', busy),
    index('much', busy),
    index('excluded', busy, { obstacle: 'not concurrently' }),
    index('much_ccnew', busy, { isLeftover: true, isValid: false }),
  ];
  const bloat = new Map([
    ['public.little', { bytes: 20 * MB, wasted: 9 * MB, percent: 45 }],
    ['public.some', { bytes: 30 * MB, wasted: 15 * MB, percent: 50 }],
    ['public.much', { bytes: 90 * MB, wasted: 80 * MB, percent: 88 }],
    ['public.excluded', { bytes: 90 * MB, wasted: 80 * MB, percent: 88 }],
  ]);
  const { items } = plan(facts([busy], { indexes, bloat }), ['reindex', 'vacuum']);
  expect(items.map(({ statement, skipped }) => [statement, skipped])).toEqual([
    ['drop index concurrently public.much_ccnew', undefined],
    ['vacuum (analyze) public.busy', undefined],
    ['reindex index concurrently public.excluded', 'not concurrently'],
    ['reindex index concurrently public.much', undefined],
    ['reindex index concurrently public.some', undefined],
  ]);
});

test('an index that is large once it is rebuilt waits, and the plan says for what; not when it is named', () => {
  const busy = table('busy');
  const indexes = [index('full', busy, { bytes: 90 * MB }), index('empty', busy, { bytes: 900 * MB })];
  const bloat = new Map([
    ['public.full', { bytes: 90 * MB, wasted: 74 * MB, percent: 82 }],
    ['public.empty', { bytes: 900 * MB, wasted: 885 * MB, percent: 98 }],
  ]);
  const known = facts([busy], { indexes, bloat });
  const { items } = plan(known, ['reindex']);
  expect(items.map(({ object, isLarge }) => [object, isLarge])).toEqual([
    ['public.empty', false],
    ['public.full', true],
  ]);
  expect(items[1]!.reason).toMatch(
    /so large \(16 M.*\) that it waits: while less than 50 transactions end in a second$/,
  );
  const request: WorkRequest = { kinds: new Set(['reindex']), names: [] };
  const settings = { ...DEFAULT_MAINTENANCE, window: '01:00-05:00' };
  expect(planWork(known, request, settings, ASSUMED_RATES).items[1]!.reason).toContain('between 01:00 and 05:00, or');
  expect(plan(known, ['reindex'], 'full').items).toMatchObject([{ isLarge: false }]);
});

test('what is named is done whatever the facts say; a table stands for its indexes; other names are told', () => {
  const [a, b] = [table('a'), table('B "x"', { label: 'public."B ""x"""' })];
  const known = facts([a, b], { indexes: [index('a_key', a), index('b_key', b)] });
  const named = (...names: string[]) =>
    plan(known, ['vacuum', 'reindex'], ...names).items.map(({ statement }) => statement);
  expect(named('a')).toEqual(['vacuum (analyze) public.a', 'reindex index concurrently public.a_key']);
  expect(named('public.B "x"')).toEqual(named('public."B ""x"""'));
  expect(named('b_key')).toEqual(['reindex index concurrently public.b_key']);
  expect(plan(known, ['vacuum'], 'a', 'c', 'public.d').unknown).toEqual(['c', 'public.d']);
});

test('what belongs to others and what others work on is skipped, with why', () => {
  const theirs = table('theirs', { deadRows: 50_000, mayVacuum: false, owner: 'supabase_admin' });
  const held = table('held', { deadRows: 50_000 });
  const { items } = plan(facts([theirs, held], { holders: new Map([[held.oid, 'autovacuum works on it']]) }), [
    'vacuum',
  ]);
  expect(Object.fromEntries(items.map(({ object, skipped }) => [object, skipped]))).toEqual({
    'public.theirs': 'it belongs to supabase_admin, and maintainer may not',
    'public.held': 'autovacuum works on it',
  });
});

test('VACUUM FULL is planned only for the table that is named', () => {
  const bloated = table('bloated', { deadRows: 90_000, indexBytes: 20 * MB });
  const { items } = planFull(facts([bloated, table('other')]), 'bloated', ASSUMED_RATES);
  expect(items).toMatchObject([{ statement: 'vacuum (full, analyze) public.bloated', estimatedMs: 12_000 }]);
  expect(planFull(facts([bloated]), 'blotated', ASSUMED_RATES).unknown).toEqual(['blotated']);
});
