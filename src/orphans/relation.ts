import type { ColumnFact, ForeignKeyFact, Obstacle, TableFact } from './facts.ts';

/** One column of the child and the one of the parent that it equals. */
export interface Pair {
  readonly child: ColumnFact;
  readonly parent: ColumnFact;
  /** Parent's side on the left. */
  readonly operator: string;
}

/** The value that makes a row of the child refer to this parent: `related_type = 'contact'`. */
export interface Discriminator {
  readonly column: string;
  readonly value: string;
}

/** Where a relation is known from. */
export type Source = 'foreign key' | 'convention' | 'configuration';

/** Rows of the child refer to rows of the parent. */
export interface Relation {
  /** How reports and the command line name it; says all that tells it from others. */
  readonly name: string;
  readonly source: Source;
  readonly child: TableFact;
  readonly parent: TableFact;
  readonly pairs: readonly Pair[];
  /** SIMPLE: a row with a NULL in its key refers to nothing. FULL: only with NULL in all of it (docs, CREATE TABLE). */
  readonly match: 'simple' | 'full';
  readonly when: Discriminator | undefined;
  /** For relations of the catalog. */
  readonly foreignKey: ForeignKeyFact | undefined;
}

/** A relation that is known of and cannot be counted as it stands. */
export interface Unclear extends Obstacle {
  readonly name: string;
  readonly child: TableFact;
}

/** `"` and `'` around a value that is shown, not run. */
export function relationName(
  child: TableFact,
  columns: readonly string[],
  parent: TableFact | undefined,
  parentColumns: readonly string[],
  when?: Discriminator,
): string {
  const condition = when === undefined ? '' : ` where ${when.column} = '${when.value.replaceAll("'", "''")}'`;
  const target = parent === undefined ? '' : ` -> ${parent.title}(${parentColumns.join(', ')})`;
  return `${child.title}(${columns.join(', ')})${condition}${target}`;
}

/** Values of a type category that PostgreSQL compares with each other without a cast being written. */
const FAMILIES: ReadonlySet<string> = new Set(['N', 'S']);

/**
 * How two columns are compared when no constraint says: the operator, or `undefined` when their values cannot be equal
 * (text and uuid), so that every row would look like an orphan.
 */
export function equalityOf(child: ColumnFact, parent: ColumnFact): string | undefined {
  const [left, right] = [parent.base, child.base];
  const isSame = left.oid === right.oid;
  const isFamily = left.category === right.category && FAMILIES.has(left.category);
  if (!isSame && !isFamily) return undefined;
  const schema = [left.schema, right.schema].find((name) => name !== 'pg_catalog') ?? 'pg_catalog';
  return `operator("${schema.replaceAll('"', '""')}".=)`;
}
