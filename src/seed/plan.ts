import { idOf, type Key, keyOf } from './draw.ts';
import type { Tenant } from './place.ts';
import type { SeedTable } from './table.ts';

/** What is asked for. */
export interface SeedRequest {
  /** Decides every value: the same number gives the same bytes. */
  readonly seed: number;
  /** Contacts of all tenants together: at least one for each. */
  readonly rows: number;
  /** Numbers of the tenants to make: a database that has some already gets the next ones. */
  readonly tenants: readonly number[];
  /** Whether the rows of no tenant are to be made too. */
  readonly shared: boolean;
}

/** Whose rows are made, and how many in each table. */
export interface SeedPlan {
  readonly tenants: readonly Tenant[];
  /** By table, in the order in which they are loaded. */
  readonly rows: Readonly<Record<string, number>>;
  /** Of all tables. */
  readonly total: number;
}

/** Says how many rows of which tenant go into each table. */
export function planSeed(request: SeedRequest, tables: ReadonlyMap<string, SeedTable>): SeedPlan {
  const shares = shareOut(request.rows, request.tenants.length);
  const tenants = request.tenants.map((index, at) => ({
    index,
    id: tenantId(request.seed, index),
    rows: countRows(tables, (table) => table.rows(shares[at]!)),
    keys: keysOf(request.seed, index, tables),
  }));
  const shared = {
    index: -1,
    id: null,
    rows: countRows(tables, (table) => table.shared ?? 0),
    keys: keysOf(request.seed, -1, tables),
  };
  const all = request.shared ? [...tenants, shared] : tenants;
  const rows = Object.fromEntries([...tables.keys()].map((name) => [name, sum(all.map((t) => t.rows[name]!))]));
  return { tenants: all, rows, total: sum(Object.values(rows)) };
}

/** The id of tenant number `index`. */
export function tenantId(seed: number, index: number): string {
  return idOf(tableKey(seed, index, 'tenant'), 0);
}

/**
 * Splits `total` as tenants differ in life: the second has half as much as the first, the third a third of it (Zipf).
 * Each has at least 1.
 */
export function shareOut(total: number, parts: number): number[] {
  const weights = Array.from({ length: parts }, (_, at) => 1 / (at + 1));
  const spare = total - parts;
  const shares = weights.map((weight) => 1 + Math.floor((spare * weight) / sum(weights)));
  // What rounding left over goes to the first.
  return shares.map((share, at) => (at === 0 ? share + total - sum(shares) : share));
}

function keysOf(seed: number, tenant: number, tables: ReadonlyMap<string, SeedTable>): Readonly<Record<string, Key>> {
  return Object.fromEntries([...tables.keys()].map((table) => [table, tableKey(seed, tenant, table)]));
}

function tableKey(seed: number, tenant: number, table: string): Key {
  return keyOf(`${seed}/${tenant}/${table}`);
}

function countRows(tables: ReadonlyMap<string, SeedTable>, count: (table: SeedTable) => number) {
  return Object.fromEntries([...tables].map(([name, table]) => [name, count(table)]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
