import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { TableFact } from './facts.ts';
import type { Pair, Relation } from './relation.ts';

/** Names of the two sides in every statement. */
export const CHILD = 'child';
export const PARENT = 'parent';

/**
 * The condition under which a row, called `child` unless said otherwise, is an orphan. NOT EXISTS and not NOT IN, which matches nothing once
 * its list holds a NULL; and a key with NULL in it refers to nothing (MATCH SIMPLE), unless only part of it is NULL
 * (MATCH FULL). PostgreSQL docs, CREATE TABLE, REFERENCES.
 */
export function orphanCondition(relation: Relation, row = CHILD): string {
  const keys = relation.pairs.map(({ child }) => `${row}.${quoteIdentifier(child.name)}`);
  const refers =
    relation.match === 'full' && keys.length > 1
      ? `not (${keys.map((key) => `${key} is null`).join(' and ')})`
      : keys.map((key) => `${key} is not null`).join(' and ');
  const parentRows = `select from ${parentTable(relation)} ${PARENT} where ${equalities(relation, row)}`;
  return [...discriminator(relation, row), refers, `not exists (${parentRows})`].join(' and ');
}

/** The condition under which a row of the child refers to one of the parent. */
export function refersCondition(relation: Relation): string {
  return [...discriminator(relation, CHILD), equalities(relation, CHILD)].join(' and ');
}

function equalities({ pairs }: Relation, row: string): string {
  return pairs.map((pair) => equality(pair, row)).join(' and ');
}

/** A foreign key of an ordinary table speaks of its own rows only, of a partitioned one of all partitions. */
export function childTable({ child }: Pick<Relation, 'child'>): string {
  return tableSql(child, true);
}

/** Where no constraint says otherwise, the rows of tables that inherit from the parent are parents as well. */
export function parentTable({ parent, foreignKey }: Pick<Relation, 'parent' | 'foreignKey'>): string {
  return tableSql(parent, foreignKey !== undefined);
}

/** One row: how many orphans there are. */
export function countSql(relation: Relation): string {
  return `select pg_catalog.count(*)::float8 as orphans from ${childTable(relation)} ${CHILD} where ${orphanCondition(relation)}`;
}

/** The orphans themselves, to look at. */
export function listSql(relation: Relation): string {
  return `select * from ${childTable(relation)} ${CHILD} where ${orphanCondition(relation)};`;
}

/** The columns of a sample, in its order. */
export function sampleColumns({ child, pairs }: Relation): readonly string[] {
  return [...new Set([...child.primaryKey, ...pairs.map((pair) => pair.child.name)])];
}

/** Keys of a few orphans, as text: what tells which rows are meant, and nothing else of them. */
export function sampleSql(relation: Relation, limit: number): string {
  const columns = sampleColumns(relation).map((name) => `${CHILD}.${quoteIdentifier(name)}::pg_catalog.text`);
  return `select ${columns.join(', ')} from ${childTable(relation)} ${CHILD} where ${orphanCondition(relation)} limit ${limit}`;
}

/** Values of a type column, most of a hundred: each means another parent. */
export function valuesSql(child: TableFact, column: string, typeColumn: string): string {
  const value = quoteIdentifier(typeColumn);
  return `select distinct ${value}::pg_catalog.text as value from ${tableSql(child, true)}
    where ${value} is not null and ${quoteIdentifier(column)} is not null order by 1 limit 101`;
}

function discriminator({ when }: Relation, row: string): readonly string[] {
  if (when === undefined) return [];
  return [`${row}.${quoteIdentifier(when.column)}::pg_catalog.text operator(pg_catalog.=) ${quoteLiteral(when.value)}`];
}

/** Two collations without an order of precedence are an error: the parent's decides, as in a foreign key. */
function equality({ child, parent, operator }: Pair, row: string): string {
  const collate =
    parent.collation === undefined || parent.collation === child.collation ? '' : ` collate ${parent.collation}`;
  return `${PARENT}.${quoteIdentifier(parent.name)} ${operator} ${row}.${quoteIdentifier(child.name)}${collate}`;
}

/** A table in FROM; `alone`: without the rows of tables that inherit from it, but with those of partitions. */
export function tableSql({ schema, name, partitioned }: TableFact, alone: boolean): string {
  return `${alone && !partitioned ? 'only ' : ''}${quoteQualified(schema, name)}`;
}
