import { expect, test } from 'vitest';
import { makeBatches } from '../../src/seed/batches.ts';
import { CopyText } from '../../src/seed/copy-text.ts';
import { idOf, keyOf } from '../../src/seed/draw.ts';
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
  const [tenant] = planSeed({ seed: 1, rows: 40_000, tenants: [4], shared: false }, await loadTables()).tenants;
  const place = new Place(drawPools(), tenant!, 'accounts', 0);
  const names = Array.from({ length: 5_000 }, (_, n) => place.company(n).toLowerCase());
  expect(new Set(names).size).toBe(names.length);
  for (const name of HOSTILE_NAMES) expect(names).toContain(name.toLowerCase());
});

test('a table is made in batches of less than a megabyte, however many rows it has', async () => {
  const tables = await loadTables();
  const { tenants } = planSeed({ seed: 1, rows: 9_000, tenants: [0, 1], shared: false }, tables);
  const sizes: number[] = [];
  let rows = 0;
  for await (const batch of makeBatches(drawPools(), tenants, 'contacts', tables.get('contacts')!)) {
    sizes.push(batch.text.buffer.byteLength);
    rows += batch.rows;
  }
  expect(rows).toBe(9_000);
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
});

test('what COPY would read as something else is escaped, in any script, however little was expected', () => {
  const text = new CopyText(1);
  text.add({ a: 'tab\tline\nback\\slash \\N', b: null, c: true, d: { x: 'q"\n' }, e: -1.5 });
  text.add({ a: '日\t本\\\r', b: '', c: false, d: ['ü'], e: new Date(Date.UTC(2025, 1, 3, 4, 5, 6)) });
  expect(text.bytes.toString()).toBe(
    'tab\\tline\\nback\\\\slash \\\\N\t\\N\tt\t{"x":"q\\\\"\\\\n"}\t-1.5\n日\\t本\\\\\\r\t\tf\t["ü"]\t2025-02-03T04:05:06Z\n',
  );
});

test('an id is a uuid of chance, and no two are equal', () => {
  const keys = ['1/0/contacts', '1/1/contacts', '1/0/leads', '2/0/contacts'].map(keyOf);
  const ids = new Set(keys.flatMap((key) => Array.from({ length: 25_000 }, (_, n) => idOf(key, n))));
  expect(ids.size).toBe(100_000);
  for (const id of [...ids].slice(0, 1_000)) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});
