import type { ColumnFacts, TableFacts } from '../facts.ts';

/** Rows of a large table are found by a column without reading all of it. */
export function isSearchableBy({ indexes }: Pick<TableFacts, 'indexes'>, column: ColumnFacts | undefined): boolean {
  return indexes.some(({ usable, partial, columns }) => usable && !partial && columns[0] === column?.number);
}
