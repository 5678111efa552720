import { expect, test } from 'vitest';
import { copyLine } from '../../src/seed/copy-text.ts';
import { HOSTILE_NAMES } from '../../src/seed/hostile.ts';
import { Place } from '../../src/seed/place.ts';
import { planSeed, shareOut } from '../../src/seed/plan.ts';
import { drawPools } from '../../src/seed/pools.ts';
import { loadTables } from '../../src/seed/tables.ts';

test.each([
  [1, 1],
  [5, 5],
  [1000, 7],
  [99_991, 40],
])('%i contacts are shared out to %i tenants without a rest, one each at least', (total, parts) => {
  const shares = shareOut(total, parts);
  expect(shares).toHaveLength(parts);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(total);
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
});

test('no tenant has the name of an account twice, also without regard to case', async () => {
  const world = { seed: 1, pools: drawPools() };
  const [tenant] = planSeed({ seed: 1, rows: 40_000, tenants: [4], shared: false }, await loadTables()).tenants;
  const place = new Place(world, tenant!, 'accounts', 0);
  const names = Array.from({ length: 5_000 }, (_, n) => place.company(n).toLowerCase());
  expect(new Set(names).size).toBe(names.length);
  for (const name of HOSTILE_NAMES) expect(names).toContain(name.toLowerCase());
});

test('what COPY would read as something else is escaped', () => {
  const row = {
    a: 'tab\tline\nback\\slash \\N',
    b: null,
    c: true,
    d: { x: 'q"\n' },
    e: new Date(Date.UTC(2025, 1, 3, 4, 5, 6)),
  };
  expect(copyLine(row)).toBe('tab\\tline\\nback\\\\slash \\\\N\t\\N\tt\t{"x":"q\\\\"\\\\n"}\t2025-02-03T04:05:06Z\n');
});
