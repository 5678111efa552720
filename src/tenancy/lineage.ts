import type { ColumnFacts, ForeignKeyFacts, Lineage, TableFacts } from './facts.ts';

/** Keys that lead to keys; further than this nobody's policies look. */
const MOST_STEPS = 4;

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
  const score = ({ columns: [column], target }: ForeignKeyFacts) =>
    2 * Number(read.has(column!)) + Number(looked.has(target));
  const leading = table.foreignKeys.filter((key) => {
    const target = tables.get(key.target);
    if (key.columns.length !== 1 || target === undefined || target === table) return false;
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
