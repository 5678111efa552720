import type { CatalogFacts, ColumnFact, ForeignKeyFact, TableFact } from './facts.ts';
import { equalityOf, type Relation, relationName, type Unclear } from './relation.ts';

/** A column whose partner says which table it refers to: `related_id` and `related_type`. */
export interface Polymorphic {
  readonly child: TableFact;
  readonly column: ColumnFact;
  readonly typeColumn: ColumnFact;
}

/** What the names of columns say about relations that no foreign key declares. */
export interface Convention {
  readonly relations: readonly Relation[];
  readonly unclear: readonly Unclear[];
  readonly polymorphic: readonly Polymorphic[];
}

/** `account_id`, `Account_ID`, `accountId`. */
const REFERENCE = /^(.+?)(?:_id|Id|ID)$|^(.+)_ID$/;

/**
 * Relations by name: `account_id` refers to the key of `account` or `accounts`, `parent_id` to that of its own table.
 * A column that a foreign key covers already is left out, and so is what two tables could be meant by: that is unclear.
 */
export function findByConvention({ tables, foreignKeys }: CatalogFacts): Convention {
  const byName = groupByName([...tables.values()].filter((table) => !table.partition));
  const covered = coverage(foreignKeys);
  const relations: Relation[] = [];
  const unclear: Unclear[] = [];
  const polymorphic: Polymorphic[] = [];
  for (const child of tables.values()) {
    if (child.ignored || child.partition) continue;
    for (const column of child.columns.values()) {
      const stem = stemOf(column.name);
      if (stem === undefined || isOwnKey(child, column)) continue;
      const keyed = covered.get(child.oid)?.get(column.name);
      const parents = candidates(stem, child, byName);
      if (parents.length === 0) {
        const typeColumn = partnerOf(child, column, stem);
        if (typeColumn !== undefined && keyed === undefined) polymorphic.push({ child, column, typeColumn });
        continue;
      }
      // A composite key with tenant_id in it covers account_id's part of it, not tenant_id's own meaning.
      if (keyed !== undefined && (keyed.alone || parents.some((parent) => keyed.parents.has(parent.oid)))) continue;
      const found = toKey(child, column, parents);
      if ('pairs' in found) relations.push(found);
      else unclear.push(found);
    }
  }
  return { relations, unclear, polymorphic };
}

/** Whether a value of a type column names a table: where none does, it says what a row is, not what it refers to. */
export function namesTable({ child }: Polymorphic, value: string, facts: Pick<CatalogFacts, 'tables'>): boolean {
  return parentsNamed(value, child, facts).length > 0;
}

/**
 * The relation for one value of a type column: `contact`, `Contacts` and `public.contacts` all mean the table.
 * A value that names no table, or one whose key has another type, is unclear.
 */
export function byType(
  { child, column, typeColumn }: Polymorphic,
  value: string,
  facts: Pick<CatalogFacts, 'tables'>,
): Relation | Unclear {
  const parents = parentsNamed(value, child, facts);
  const when = { column: typeColumn.name, value };
  if (parents.length > 0) return toKey(child, column, parents, when);
  return {
    name: relationName(child, [column.name], undefined, [], when),
    child,
    reason: `"${value}" in ${typeColumn.name} names no table with a key of one column`,
    remediation: 'Say which table it means under "orphans.add" in the configuration, or exclude it with a reason.',
  };
}

function parentsNamed(value: string, child: TableFact, { tables }: Pick<CatalogFacts, 'tables'>): readonly TableFact[] {
  const byName = groupByName([...tables.values()].filter((table) => !table.partition));
  const stem = value.slice(value.lastIndexOf('.') + 1).replaceAll(/[\s-]+/g, '_');
  return candidates(snake(stem), child, byName);
}

function toKey(
  child: TableFact,
  column: ColumnFact,
  parents: readonly TableFact[],
  when?: Relation['when'],
): Relation | Unclear {
  const fitting = parents.flatMap((parent) => {
    const key = parent.columns.get(parent.primaryKey[0]!);
    const operator = key && equalityOf(column, key);
    return key === undefined || operator === undefined
      ? []
      : [{ parent, pair: { child: column, parent: key, operator } }];
  });
  const [first] = fitting;
  if (fitting.length === 1 && first !== undefined) {
    const { parent, pair } = first;
    const name = relationName(child, [column.name], parent, [pair.parent.name], when);
    const common = { name, source: 'convention' as const, match: 'simple' as const, foreignKey: undefined };
    return { ...common, child, parent, pairs: [pair], when };
  }
  const titles = (fitting.length === 0 ? parents : fitting.map(({ parent }) => parent)).map(({ title }) => title);
  const types = [...new Set(parents.map((parent) => parent.columns.get(parent.primaryKey[0]!)?.type ?? '?'))];
  return {
    name: relationName(child, [column.name], undefined, [], when),
    child,
    reason:
      fitting.length === 0
        ? `the column is ${column.type}, and the key of ${titles.join(', ')} is ${types.join(', ')}: they cannot be compared`
        : `${titles.join(' and ')} could be meant`,
    remediation: 'Say what it refers to under "orphans.add" in the configuration, or exclude it with a reason.',
  };
}

function stemOf(column: string): string | undefined {
  const [, first, second] = REFERENCE.exec(column) ?? [];
  const stem = first ?? second;
  return stem === undefined ? undefined : snake(stem);
}

/** `accountOwner` and `Account_Owner` as tables are usually called. */
function snake(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

function isOwnKey(table: TableFact, column: ColumnFact): boolean {
  return table.primaryKey.length === 1 && table.primaryKey[0] === column.name;
}

/** Tables that a stem may mean and whose key is one column: of the same schema first, else of any that is looked at. */
function candidates(
  stem: string,
  child: TableFact,
  byName: ReadonlyMap<string, readonly TableFact[]>,
): readonly TableFact[] {
  if (stem === 'parent') return child.primaryKey.length === 1 ? [child] : [];
  const found = namesFor(stem).flatMap((name) => byName.get(name) ?? []);
  const keyed = found.filter((table) => table.primaryKey.length === 1);
  const near = keyed.filter((table) => table.schema === child.schema);
  return near.length > 0 ? near : keyed.filter((table) => !table.ignored);
}

/** `company`, `companys`, `companyes`, `companies`: the table of `company_id`. A plural stem means itself. */
function namesFor(stem: string): readonly string[] {
  const names = [stem, `${stem}s`, `${stem}es`];
  if (stem.endsWith('y')) names.push(`${stem.slice(0, -1)}ies`);
  return names;
}

function groupByName(tables: readonly TableFact[]): ReadonlyMap<string, readonly TableFact[]> {
  const groups = new Map<string, TableFact[]>();
  for (const table of tables) {
    const name = table.name.toLowerCase();
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [table]);
    else group.push(table);
  }
  return groups;
}

function partnerOf(table: TableFact, column: ColumnFact, stem: string): ColumnFact | undefined {
  return [...table.columns.values()].find(
    ({ name, base }) => base.category === 'S' && name !== column.name && snake(name) === `${stem}_type`,
  );
}

interface Coverage {
  /** A foreign key of this column alone. */
  alone: boolean;
  /** Tables that a composite key with this column refers to. */
  readonly parents: Set<number>;
}

function coverage(foreignKeys: readonly ForeignKeyFact[]): ReadonlyMap<number, ReadonlyMap<string, Coverage>> {
  const tables = new Map<number, Map<string, Coverage>>();
  for (const { table, parent, columns } of foreignKeys) {
    const covered = tables.get(table) ?? new Map<string, Coverage>();
    tables.set(table, covered);
    for (const column of columns) {
      const entry = covered.get(column) ?? { alone: false, parents: new Set() };
      covered.set(column, entry);
      entry.alone ||= columns.length === 1;
      entry.parents.add(parent);
    }
  }
  return tables;
}
