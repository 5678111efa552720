import { groupBy } from '../group-by.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { AuditRow } from './audit-log.ts';
import { parentsFirst } from './parents-first.ts';

type Values = Readonly<Record<string, unknown>>;

/** A table whose rows come back, as the catalog has it. */
export interface UndoTable {
  readonly schema: string;
  readonly name: string;
  /** Columns that can be written, in their order. */
  readonly columns: readonly { readonly name: string; readonly required: boolean }[];
  /** `id` alone is the primary key: what record_id means. */
  readonly hasId: boolean;
  /** Tables that it refers to, as `schema.name`. */
  readonly parents: readonly string[];
}

/** A row to be as it was before the time in question. */
export interface UndoRow {
  readonly id: string;
  readonly kind: 'insert' | 'update';
  /** The values to write: all of the row, or those that were changed. */
  readonly values: Values;
  /** What those columns hold now if nobody has changed them since. */
  readonly expected: Values;
}

export interface TableUndo {
  readonly table: UndoTable;
  readonly rows: readonly UndoRow[];
}

export interface UndoPlan {
  /** Parents before children. */
  readonly tables: readonly TableUndo[];
  /** What will not come back, and why. */
  readonly left: readonly string[];
}

/** Set by triggers on every write: whether it is as it was says nothing. */
const BOOKKEEPING: readonly string[] = ['updated_at'];

/**
 * Folds the rows of the log into one step for each record: from what it is now to what it was before the first of them.
 * Rows that were made in that time stay.
 */
export function planUndo(rows: readonly AuditRow[], tables: readonly UndoTable[]): UndoPlan {
  const left: string[] = [];
  const undone: TableUndo[] = [];
  for (const [name, own] of groupBy(rows, ({ table }) => table)) {
    const found = tables.filter((table) => table.name === name);
    const [table] = found;
    if (table === undefined || found.length > 1 || !table.hasId) {
      left.push(`${own.length} rows of ${name}: ${reasonAgainst(found)}`);
      continue;
    }
    const steps = [...groupBy(own, ({ record }) => record)].flatMap(
      ([id, history]) => foldHistory(id, history, table, left) ?? [],
    );
    if (steps.length > 0) undone.push({ table, rows: steps });
  }
  return { tables: inOrder(undone), left: [...summarise(left)] };
}

function reasonAgainst(found: readonly UndoTable[]): string {
  if (found.length > 1) return 'several schemas have a table of that name';
  return found.length === 0
    ? 'there is no such table now'
    : 'its primary key is not id, so that record_id does not tell the row';
}

function foldHistory(id: string, history: readonly AuditRow[], table: UndoTable, left: string[]): UndoRow | undefined {
  const [first, last] = [history[0]!, history.at(-1)!];
  const writable = new Set(table.columns.map(({ name }) => name));
  if (first.action === 'INSERT' || first.before === null) return undefined;
  if (history.some(({ action }) => action === 'INSERT')) {
    left.push(`${table.name}: a row that was deleted and made again since`);
    return undefined;
  }
  const before = pick(first.before, (key) => writable.has(key));
  const gone = Object.keys(first.before).filter((key) => !writable.has(key));
  if (gone.length > 0) left.push(`${table.name}: the columns ${gone.join(', ')} cannot be written any more`);
  if (last.action === 'DELETE' || last.after === null) {
    const lacking = table.columns.filter(({ name, required }) => required && !Object.hasOwn(before, name));
    if (lacking.length > 0) {
      left.push(`${table.name}: ${lacking.map(({ name }) => name).join(', ')} must have a value and is not in the log`);
      return undefined;
    }
    const unlogged = table.columns.filter(({ name }) => !Object.hasOwn(before, name)).map(({ name }) => name);
    if (unlogged.length > 0)
      left.push(`${table.name}: the columns ${unlogged.join(', ')} are not in the log and get their defaults`);
    return { id, kind: 'insert', values: before, expected: {} };
  }
  const changed = Object.keys(before).filter(
    (key) => !BOOKKEEPING.includes(key) && !isSame(before[key], last.after![key]),
  );
  if (changed.length === 0) return undefined;
  return {
    id,
    kind: 'update',
    values: pick(before, (key) => changed.includes(key)),
    expected: pick(last.after, (key) => changed.includes(key)),
  };
}

function pick(values: Values, wanted: (key: string) => boolean): Values {
  return Object.fromEntries(Object.entries(values).filter(([key]) => wanted(key)));
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The same sentence of many rows once, with how many they are. */
function* summarise(lines: readonly string[]): Generator<string> {
  for (const [line, own] of groupBy(lines, (text) => text))
    yield own.length === 1 ? line : `${line} (${own.length} rows)`;
}

function inOrder(undos: readonly TableUndo[]): TableUndo[] {
  return parentsFirst(
    undos,
    ({ table }) => `${table.schema}.${table.name}`,
    ({ table }) => table.parents,
  );
}

/** Rows of one kind with the same columns: one statement. `$1`: a JSON array of `{ id, values, expected }`. */
function undoSql({ schema, name }: UndoTable, kind: UndoRow['kind'], columns: readonly string[]): string {
  const table = quoteQualified(schema, name);
  const list = columns.map(quoteIdentifier).join(', ');
  if (kind === 'insert') {
    return `insert into ${table} (${list}) overriding system value
      select ${columns.map((column) => `r.${quoteIdentifier(column)}`).join(', ')}
      from pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb) e
      cross join lateral pg_catalog.jsonb_populate_record(null::${table}, e -> 'values') r
      where not exists (select from ${table} t where t.id::pg_catalog.text = e ->> 'id')
      on conflict do nothing`;
  }
  // Both sides go through the type of the column: 1.0 and 1.00 are one number, and a text is no date.
  const same = columns.map(
    (column) => `t.${quoteIdentifier(column)} is not distinct from x.${quoteIdentifier(column)}`,
  );
  return `update ${table} t set ${columns.map((column) => `${quoteIdentifier(column)} = r.${quoteIdentifier(column)}`).join(', ')}
    from pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb) e
    cross join lateral pg_catalog.jsonb_populate_record(null::${table}, e -> 'values') r
    cross join lateral pg_catalog.jsonb_populate_record(null::${table}, e -> 'expected') x
    where t.id::pg_catalog.text = e ->> 'id' and ${same.join(' and ')}`;
}

/** The statements of a table's undo, with their rows. */
export function statementsOf({
  table,
  rows,
}: TableUndo): { readonly sql: string; readonly rows: readonly UndoRow[]; readonly kind: UndoRow['kind'] }[] {
  const order = new Map(table.columns.map(({ name }, index) => [name, index]));
  const columnsOf = (row: UndoRow) => Object.keys(row.values).sort((a, b) => order.get(a)! - order.get(b)!);
  const groups = groupBy(rows, (row) => JSON.stringify([row.kind, columnsOf(row)]));
  return [...groups.values()].map((own) => ({
    sql: undoSql(table, own[0]!.kind, columnsOf(own[0]!)),
    rows: own,
    kind: own[0]!.kind,
  }));
}
