import { quoteIdentifier } from '../postgres/quote.ts';
import type { CatalogFacts, ForeignKeyFact, TableFact } from './facts.ts';
import type { Relation } from './relation.ts';
import { orphanCondition, tableSql } from './sql.ts';

/** What the foreign keys of other tables do when rows of a table are deleted. */
export interface Cascades {
  /** ON DELETE CASCADE, from the table outwards: rows that go with it. */
  readonly deleting: readonly ForeignKeyFact[];
  /** SET NULL and SET DEFAULT: rows that are changed. */
  readonly changing: readonly ForeignKeyFact[];
  /** NO ACTION and RESTRICT: rows that forbid it. */
  readonly blocking: readonly ForeignKeyFact[];
}

/** Follows every foreign key that leads to rows of the table, and on through those that cascade. */
export function findCascades(root: TableFact, { tables, foreignKeys }: CatalogFacts): Cascades {
  const reached = new Set([root.oid]);
  const queue = [root];
  const deleting: ForeignKeyFact[] = [];
  const others: ForeignKeyFact[] = [];
  for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
    const { oid, ancestors } = table;
    for (const key of foreignKeys) {
      if (!key.enforced || (key.parent !== oid && !ancestors.includes(key.parent))) continue;
      (key.onDelete === 'cascade' ? deleting : others).push(key);
      const next = tables.get(key.table);
      if (key.onDelete !== 'cascade' || next === undefined || reached.has(next.oid)) continue;
      reached.add(next.oid);
      queue.push(next);
    }
  }
  const changing = others.filter(({ onDelete }) => onDelete === 'set null' || onDelete === 'set default');
  return { deleting, changing, blocking: others.filter((key) => !changing.includes(key)) };
}

/**
 * A query for how many rows a key reaches once the orphans of a relation are deleted. Keys that lead in a circle are
 * followed once: there may be more.
 */
export function countReachedSql(
  key: ForeignKeyFact,
  relation: Relation,
  cascades: Cascades,
  tables: CatalogFacts['tables'],
): string {
  const table = tables.get(key.table)!;
  const chain = new Chain(relation, cascades, tables);
  const reached = chain.reaches(key, 't0', new Set(), 1);
  // Rows that go anyway neither block nor are changed.
  const gone = key.onDelete === 'cascade' ? [] : [`not (${chain.doomed(table, 't0', new Set(), 1)})`];
  const root = table.oid === relation.child.oid && key.onDelete === 'cascade' ? [`not (${chain.isOrphan('t0')})`] : [];
  const where = [reached, ...gone, ...root].join(' and ');
  return `select pg_catalog.count(*)::float8 as rows from ${tableSql(table, true)} t0 where ${where}`;
}

/** Columns of the two sides of a key that are compared: the parent's on the left. */
export function keyEquality(key: ForeignKeyFact, parent: string, child: string): string {
  return key.columns
    .map((column, index) => {
      const left = `${parent}.${quoteIdentifier(key.parentColumns[index]!)}`;
      return `${left} ${key.operators[index]} ${child}.${quoteIdentifier(column)}`;
    })
    .join(' and ');
}

class Chain {
  readonly #relation: Relation;
  readonly #cascades: Cascades;
  readonly #tables: CatalogFacts['tables'];

  constructor(relation: Relation, cascades: Cascades, tables: CatalogFacts['tables']) {
    this.#relation = relation;
    this.#cascades = cascades;
    this.#tables = tables;
  }

  /** The row is an orphan itself. */
  isOrphan(alias: string): string {
    return orphanCondition(this.#relation, alias);
  }

  /** The row refers, by this key, to one that is deleted. */
  reaches(key: ForeignKeyFact, alias: string, path: ReadonlySet<number>, depth: number): string {
    const parent = this.#tables.get(key.parent)!;
    const next = `t${depth}`;
    const doomed = this.doomed(parent, next, new Set([...path, key.oid]), depth + 1);
    return `exists (select from ${tableSql(parent, true)} ${next} where ${keyEquality(key, next, alias)} and (${doomed}))`;
  }

  /** The row is deleted: an orphan, or one that a cascade reaches. */
  doomed(table: TableFact, alias: string, path: ReadonlySet<number>, depth: number): string {
    const isRoot = table.oid === this.#relation.child.oid || this.#relation.child.ancestors.includes(table.oid);
    const keys = this.#cascades.deleting.filter((key) => key.table === table.oid && !path.has(key.oid));
    const ways = keys.map((key) => this.reaches(key, alias, path, depth));
    return [...(isRoot ? [`(${this.isOrphan(alias)})`] : []), ...ways].join(' or ') || 'false';
  }
}
