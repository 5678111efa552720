import type { ColumnFacts, ForeignKeyFacts, Lineage, TableFacts } from './facts.ts';

/** Keys that lead to keys; further than this nobody's policies look. */
const MOST_STEPS = 4;

/**
 * The column that holds the tenant under another name: its key leads to the column in which another table has it, and
 * the policies read it. `undefined` where several do, such as those of a sender and a receiver.
 */
export function namedOtherwise(
  tables: ReadonlyMap<number, TableFacts>,
  table: TableFacts,
): { readonly number: number; readonly key: ForeignKeyFacts } | undefined {
  const read = new Set(table.policies.flatMap(({ columns }) => columns));
  const found = table.foreignKeys.flatMap((key) => {
    const tenant = key.target === table.oid ? undefined : tables.get(key.target)?.tenantColumn;
    const number = tenant && key.columns[key.targetColumns.indexOf(tenant.number)];
    return number !== undefined && read.has(number) ? [{ number, key }] : [];
  });
  return new Set(found.map(({ number }) => number)).size === 1 ? found[0] : undefined;
}

/**
 * The key that says whose the rows of a table without a tenant's column are: those of its project, its order. Of several
 * the one that the policies look at; `undefined` where none leads to a tenant.
 */
function lineageKey(
  tables: ReadonlyMap<number, TableFacts>,
  table: TableFacts,
  steps = MOST_STEPS,
): ForeignKeyFacts | undefined {
  if (steps === 0) return undefined;
  const read = new Set(table.policies.flatMap(({ columns }) => columns));
  const looked = new Set(table.policies.flatMap(({ relations }) => relations));
  const score = ({ columns, target }: ForeignKeyFacts) =>
    2 * Number(columns.some((column) => read.has(column))) + Number(looked.has(target));
  const leading = table.foreignKeys.filter((key) => {
    const target = tables.get(key.target);
    if (target === undefined || target === table) return false;
    return target.tenantColumn !== undefined || lineageKey(tables, target, steps - 1) !== undefined;
  });
  return leading.sort((a, b) => score(b) - score(a))[0];
}

/** The table at whose rows the tenant stands, and the keys that lead there, the first one's first. */
export function lineageOf(
  tables: ReadonlyMap<number, TableFacts>,
  table: TableFacts,
): { readonly keys: readonly ForeignKeyFacts[]; readonly end: TableFacts } | undefined {
  const keys: ForeignKeyFacts[] = [];
  let at = table;
  while (at.tenantColumn === undefined) {
    const key = lineageKey(tables, at, MOST_STEPS - keys.length);
    if (key === undefined) return undefined;
    keys.push(key);
    at = tables.get(key.target)!;
  }
  return keys.length === 0 ? undefined : { keys, end: at };
}

/** Of a key's columns, in their order, the one that says most: words such as a region are shared by tenants. */
export function tellingColumn<T extends Pick<ColumnFacts, 'category'>>(columns: readonly T[]): T | undefined {
  return columns.findLast(({ category }) => category === 'N' || category === 'U') ?? columns.at(-1);
}

/**
 * A tenant has one row of it at most, by a unique key: who adds one founds a tenant, and takes no row from any, for a
 * tenant that there is has its own.
 */
export function holdsTenantsOnce({
  tenantColumn,
  isRegistry,
  indexes,
}: Pick<TableFacts, 'tenantColumn' | 'isRegistry' | 'indexes'>): boolean {
  if (tenantColumn === undefined) return false;
  return (
    isRegistry ||
    indexes.some(
      ({ unique, usable, partial, columns }) =>
        unique && usable && !partial && columns.length === 1 && columns[0] === tenantColumn.number,
    )
  );
}

/** The column that says whose a row is, itself or through the row that it refers to. */
export function ownerColumnOf({
  tenantColumn,
  lineage,
}: {
  readonly tenantColumn: ColumnFacts | undefined;
  readonly lineage?: Lineage | undefined;
}): ColumnFacts | undefined {
  return tenantColumn ?? lineage?.column;
}
