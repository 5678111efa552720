import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { ForeignKeyFact } from './facts.ts';
import { backupOf, type Part } from './fix-sql.ts';

/** What a repair saved, and what has to be known of the database to put it back. */
export interface RestoreFacts {
  readonly kind: 'delete' | 'set-null';
  /** Columns that were set to NULL. */
  readonly columns: readonly string[];
  /** The orphans' own table first. */
  readonly parts: readonly Part[];
  /** Keys between the tables, for the order. */
  readonly foreignKeys: readonly Pick<ForeignKeyFact, 'table' | 'parent' | 'columns' | 'onDelete'>[];
  /** The key that orphans violate: it is taken away and put back NOT VALID. */
  readonly constraint: { readonly name: string; readonly definition: string } | undefined;
}

/**
 * The statements that put every saved row back, parents before what refers to them. A row that is there again, or a value
 * that someone has set since, is left alone. Orphans violate their own foreign key: it is dropped and added again NOT
 * VALID, which asks nothing of rows that are there.
 */
export function restoreSql({ kind, columns, parts, foreignKeys, constraint }: RestoreFacts): readonly string[] {
  const [own] = parts;
  const table = quoteQualified(own!.table.schema, own!.table.name);
  const key = constraint && quoteIdentifier(constraint.name);
  const valid = / NOT VALID$/.test(constraint?.definition ?? '') ? '' : ' not valid';
  return [
    ...(constraint === undefined ? [] : [`alter table ${table} drop constraint ${key}`]),
    ...(kind === 'delete' ? parentsFirst(parts, foreignKeys).map(insertSql) : [updateSql(own!, columns, 'orphan')]),
    ...(kind === 'delete' ? parts.flatMap((part) => changedSql(part, foreignKeys)) : []),
    ...(constraint === undefined
      ? []
      : [`alter table ${table} add constraint ${key} ${constraint.definition}${valid}`]),
  ];
}

/** How many rows a repair saved, by table. */
export function savedSql(parts: readonly Part[]): string {
  return parts
    .map(
      (part) =>
        `select ${quoteLiteral(part.table.title)} as table, pg_catalog.count(*)::int4 as rows from ${backupOf(part)}`,
    )
    .join(' union all ');
}

function insertSql(part: Part): string {
  const columns = part.writable.map(quoteIdentifier).join(', ');
  return `insert into ${quoteQualified(part.table.schema, part.table.name)} (${columns}) overriding system value
    select ${columns} from ${backupOf(part)} where aisha_db_action <> 'change' on conflict do nothing`;
}

/** Columns that a cascade changed, by the keys that did it. */
function changedSql(part: Part, foreignKeys: RestoreFacts['foreignKeys']): readonly string[] {
  const keys = foreignKeys.filter(({ table, onDelete }) => table === part.table.oid && /^set /.test(onDelete));
  return keys.map((key) => updateSql(part, key.columns, 'change'));
}

function updateSql(part: Part, columns: readonly string[], action: 'orphan' | 'change'): string {
  const { schema, name, partitioned } = part.table;
  const names = columns.map(quoteIdentifier);
  const same = part.primaryKey.map((column) => `t.${quoteIdentifier(column)} = saved.${quoteIdentifier(column)}`);
  return `update ${partitioned ? '' : 'only '}${quoteQualified(schema, name)} t
    set ${names.map((column) => `${column} = saved.${column}`).join(', ')}
    from ${backupOf(part)} saved
    where saved.aisha_db_action = '${action}' and ${same.join(' and ')}
      and ${names.map((column) => `t.${column} is null`).join(' and ')}`;
}

/** A table after those that it refers to; in a circle, in the order in which they were saved. */
function parentsFirst(parts: readonly Part[], foreignKeys: RestoreFacts['foreignKeys']): readonly Part[] {
  const ordered: Part[] = [];
  let left = [...parts];
  while (left.length > 0) {
    const waits = (part: Part) =>
      foreignKeys.some(
        ({ table, parent }) =>
          table === part.table.oid && parent !== table && left.some((other) => other.table.oid === parent),
      );
    const ready = left.filter((part) => !waits(part));
    const next = ready.length > 0 ? ready : left.slice(0, 1);
    ordered.push(...next);
    left = left.filter((part) => !next.includes(part));
  }
  return ordered;
}
