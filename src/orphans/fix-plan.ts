import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { quantity } from '../report/quantity.ts';
import type { Cascades } from './cascade.ts';
import type { ForeignKeyFact, TableFact } from './facts.ts';
import type { Relation } from './relation.ts';

/** What becomes of orphans. */
export type FixKind = 'set-null' | 'delete';

/** A table that a repair touches, as it has to be known to save its rows and to put them back. */
export interface TableDetails {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly title: string;
  readonly partitioned: boolean;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly generated: boolean }[];
  readonly primaryKey: readonly string[];
  /** Triggers of users that fire when rows are deleted or updated. */
  readonly triggers: readonly Trigger[];
  /** What the role may not do: `SELECT`, `UPDATE`, `DELETE`. */
  readonly denied: readonly string[];
  /** Policies bind the role. */
  readonly filtered: boolean;
}

interface Trigger {
  readonly name: string;
  readonly function: string;
  readonly onDelete: boolean;
  readonly onUpdate: boolean;
}

/** Rows of another table that a repair reaches through a foreign key. */
export interface Reached {
  readonly key: ForeignKeyFact;
  /** `undefined`: could not be counted in time. */
  readonly rows: number | undefined;
}

/** What a plan is made from. */
export interface FixFacts {
  readonly relation: Relation;
  /** Exact, from the count before. */
  readonly orphans: number;
  readonly cascades: Cascades;
  readonly reached: ReadonlyMap<ForeignKeyFact, number | undefined>;
  /** By oid: the table itself, those that cascades reach, and the parent. */
  readonly details: ReadonlyMap<number, TableDetails>;
  /** The role may lock the parent against writers. */
  readonly mayLockParent: boolean;
}

/** What the flags of the command line accept. */
export interface FixAccepted {
  readonly cascade: boolean;
  readonly triggers: boolean;
}

/** What a repair of one relation would do. */
export interface FixPlan {
  readonly relation: Relation;
  readonly kind: FixKind;
  readonly orphans: number;
  /** Columns that become NULL. */
  readonly columns: readonly string[];
  readonly deleting: readonly Reached[];
  readonly changing: readonly Reached[];
  readonly triggers: readonly { readonly table: string; readonly trigger: Trigger }[];
  /** Relations without a key whose parent's rows would go: they may have orphans of their own afterwards. */
  readonly leaving: readonly string[];
  /** Why it cannot be done as it stands. */
  readonly problems: readonly string[];
  /** The tables whose rows are saved: the first is the relation's own. */
  readonly tables: readonly TableDetails[];
}

/** Names that the copies of rows carry beside their own columns. */
export const META_COLUMNS = ['aisha_db_batch', 'aisha_db_table', 'aisha_db_row', 'aisha_db_action'] as const;

/** Says what a repair would do, and every reason at once why it may not. */
export function planFix(
  kind: FixKind,
  facts: FixFacts,
  known: readonly Relation[],
  role: string,
  accepted: FixAccepted,
): FixPlan {
  const { relation, orphans, cascades, reached, details } = facts;
  const own = details.get(relation.child.oid)!;
  const rowsOf = (keys: readonly ForeignKeyFact[]): Reached[] => keys.map((key) => ({ key, rows: reached.get(key) }));
  const isDelete = kind === 'delete';
  const deleting = isDelete ? rowsOf(cascades.deleting) : [];
  const changing = isDelete ? rowsOf(cascades.changing) : [];
  const oids = new Set([own.oid, ...[...deleting, ...changing].filter(hasRows).map(({ key }) => key.table)]);
  const tables = [...oids].map((oid) => details.get(oid)!);
  const columns = isDelete ? [] : columnsToNull(relation, known);
  const triggers = tables.flatMap((table) =>
    table.triggers
      .filter(({ onDelete, onUpdate }) => (isDelete && deletes(table, own, deleting) ? onDelete : onUpdate))
      .map((trigger) => ({ table: table.title, trigger })),
  );
  const goneTables = new Set(isDelete ? [own.oid, ...deleting.map(({ key }) => key.table)] : []);
  const leaving = known.filter(({ parent, foreignKey }) => foreignKey === undefined && goneTables.has(parent.oid));
  const problems = [
    ...(isDelete ? blocked(rowsOf(cascades.blocking), details) : cannotBeNull(relation, columns, own)),
    ...(isDelete && !accepted.cascade ? unaccepted([...deleting, ...changing], details) : []),
    ...rightsMissing(tables, own, isDelete, role),
    ...(facts.mayLockParent ? [] : [cannotLock(relation.parent, role)]),
    ...unsavable(tables, changing),
  ];
  const names = leaving.map(({ name }) => name);
  return { relation, kind, orphans, columns, deleting, changing, triggers, leaving: names, problems, tables };
}

/** Rows are reached, or may be. */
export function hasRows({ rows }: Reached): boolean {
  return rows !== 0;
}

/** A plan as lines for people. */
export function describePlan(
  plan: FixPlan,
  titles: ReadonlyMap<number, { readonly title: string }>,
): readonly string[] {
  const { relation, kind, orphans, columns, deleting, changing, triggers, leaving } = plan;
  const table = relation.child.title;
  const what =
    kind === 'delete'
      ? `delete ${rows(orphans)} of ${table}`
      : `set ${columns.join(', ')} to NULL in ${rows(orphans)} of ${table}`;
  const titleOf = (key: ForeignKeyFact) => titles.get(key.table)?.title ?? key.name;
  return [
    `${what}: ${relation.name}`,
    ...deleting
      .filter(hasRows)
      .map(({ key, rows: n }) => `- cascades: ${rows(n)} of ${titleOf(key)} are deleted too (${key.name})`),
    ...changing
      .filter(hasRows)
      .map(({ key, rows: n }) => `- cascades: ${rows(n)} of ${titleOf(key)} are ${key.onDelete} (${key.name})`),
    ...triggers.map((one) => `- trigger ${one.trigger.name} of ${one.table} fires: ${one.trigger.function}`),
    ...leaving.map((name) => `- may leave orphans of ${name}, which no foreign key watches`),
  ];
}

function rows(count: number | undefined): string {
  if (count === undefined) return 'an unknown number of rows';
  return `${quantity(count)} ${count === 1 ? 'row' : 'rows'}`;
}

/**
 * Of a composite key the columns that only it uses: a NULL in one is enough to refer to nothing, and tenant_id, which
 * has a meaning of its own, stays. MATCH FULL wants NULL in all.
 */
function columnsToNull({ pairs, match, foreignKey, child }: Relation, known: readonly Relation[]): readonly string[] {
  const names = pairs.map((pair) => pair.child.name);
  if (match === 'full') return names;
  if (foreignKey !== undefined && foreignKey.onDeleteColumns.length > 0) return foreignKey.onDeleteColumns;
  const isShared = (name: string) =>
    known.some(
      (other) =>
        other.child.oid === child.oid &&
        other.pairs.length < names.length &&
        other.pairs.some((pair) => pair.child.name === name),
    );
  const free = pairs.filter((pair) => !pair.child.notNull && !isShared(pair.child.name)).map((pair) => pair.child.name);
  if (free.length > 0) return free;
  const nullable = pairs.filter((pair) => !pair.child.notNull).map((pair) => pair.child.name);
  return nullable.length > 0 ? nullable : names;
}

function cannotBeNull(
  { child, pairs, name }: Relation,
  columns: readonly string[],
  own: TableDetails,
): readonly string[] {
  const chosen = pairs.map((pair) => pair.child).filter((column) => columns.includes(column.name));
  return [
    ...chosen.filter(({ notNull }) => notNull).map((column) => `${name}: ${column.name} is NOT NULL: use --fix delete`),
    ...chosen.filter(({ generated }) => generated).map((column) => `${name}: ${column.name} is generated`),
    ...(own.primaryKey.length === 0 ? [`${child.title} has no primary key: the old values could not be put back`] : []),
  ];
}

function deletes(table: TableDetails, own: TableDetails, deleting: readonly Reached[]): boolean {
  return table.oid === own.oid || deleting.some(({ key }) => key.table === table.oid);
}

function blocked(blocking: readonly Reached[], details: FixFacts['details']): readonly string[] {
  return blocking
    .filter(hasRows)
    .map(
      ({ key, rows: n }) =>
        `${rows(n)} of ${details.get(key.table)?.title ?? key.table} refer to what would be deleted, and ${key.name} (on delete ${key.onDelete}) forbids it`,
    );
}

function unaccepted(reached: readonly Reached[], details: FixFacts['details']): readonly string[] {
  return reached.filter(hasRows).map(({ key, rows: n }) => {
    const fate = key.onDelete === 'cascade' ? 'deleted too' : key.onDelete;
    return `${rows(n)} of ${details.get(key.table)?.title ?? key.table} would be ${fate} (${key.name}): accept it with --cascade`;
  });
}

function rightsMissing(
  tables: readonly TableDetails[],
  own: TableDetails,
  isDelete: boolean,
  role: string,
): readonly string[] {
  const to = quoteIdentifier(role);
  return tables.flatMap((table) => {
    const denied = table.denied.filter((right) => right !== 'DELETE' || (isDelete && table.oid === own.oid));
    const name = quoteQualified(table.schema, table.name);
    return [
      ...(denied.length === 0
        ? []
        : [`${role} lacks rights on ${table.title}: grant ${denied.join(', ').toLowerCase()} on ${name} to ${to};`]),
      ...(table.filtered ? [`policies hide rows of ${table.title} from ${role}: alter role ${to} bypassrls;`] : []),
    ];
  });
}

function cannotLock(parent: TableFact, role: string): string {
  const name = quoteQualified(parent.schema, parent.name);
  return `${role} may not lock ${parent.title} against new rows: grant update on ${name} to ${quoteIdentifier(role)};`;
}

function unsavable(tables: readonly TableDetails[], changing: readonly Reached[]): readonly string[] {
  return tables.flatMap((table) => [
    ...(table.columns.some(({ name }) => (META_COLUMNS as readonly string[]).includes(name))
      ? [`${table.title} has a column of the name that copies of its rows need: ${META_COLUMNS.join(', ')}`]
      : []),
    ...(table.primaryKey.length === 0 && changing.some((one) => hasRows(one) && one.key.table === table.oid)
      ? [`${table.title} has no primary key: values that a cascade changes could not be put back`]
      : []),
  ]);
}
