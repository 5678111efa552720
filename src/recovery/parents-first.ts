/** Tables in an order in which rows find what they refer to; in a circle, as they come. */
export function parentsFirst<T>(
  tables: readonly T[],
  nameOf: (table: T) => string,
  parentsOf: (table: T) => readonly string[],
): T[] {
  const left = [...tables];
  const sorted: T[] = [];
  while (left.length > 0) {
    const names = new Set(left.map(nameOf));
    const isFree = (table: T) => parentsOf(table).every((parent) => parent === nameOf(table) || !names.has(parent));
    const at = Math.max(0, left.findIndex(isFree));
    sorted.push(...left.splice(at, 1));
  }
  return sorted;
}
