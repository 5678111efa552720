import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { CatalogTable, ForeignKey, TenantCatalog } from './tables.ts';

/** A tenant whose rows are meant. */
export interface TenantName {
  /** In lower case. */
  readonly uuid: string;
  readonly slug: string;
}

/** A table with rows of a tenant, and which these are. */
export interface PlannedTable {
  readonly oid: string;
  /** `schema.name`, for people. */
  readonly label: string;
  /** Quoted. */
  readonly sql: string;
  readonly columns: readonly string[];
  /** SQL condition on the alias `t`: the rows of the tenant. */
  readonly condition: string;
  /** Why its rows are the tenant's. */
  readonly because: string;
}

/** Rows of other tenants that refer to rows of this one, and what their foreign key would do to them. */
interface Crossing {
  readonly label: string;
  readonly parent: string;
  readonly foreignKey: string;
  readonly onDelete: ForeignKey['onDelete'];
  /** SQL that counts them. */
  readonly count: string;
}

/** Everything of one tenant, as a value. */
export interface TenantPlan {
  /** Parents before children; tables that refer to each other in a circle share a group. */
  readonly groups: readonly (readonly PlannedTable[])[];
  readonly crossings: readonly Crossing[];
  /** Tables of which this role does not see every row. */
  readonly filtered: readonly string[];
}

/**
 * Finds every table that holds rows of a tenant: the table of tenants, those with a tenant column, and those without
 * one whose rows refer to such rows.
 */
export function planTenant(catalog: TenantCatalog, column: string, tenant: TenantName): TenantPlan {
  const planned = addDependents(directTables(catalog, column, tenant), catalog);
  const keys = catalog.foreignKeys.filter(({ child, parent }) => planned.has(child) && planned.has(parent));
  const filtered = catalog.tables.filter(({ oid, filtered }) => filtered && planned.has(oid)).map(labelOf);
  return {
    groups: sortByReference([...planned.keys()], keys).map((oids) => oids.map((oid) => planned.get(oid)!)),
    crossings: findCrossings(catalog, planned, column),
    filtered,
  };
}

function labelOf({ schema, name }: Pick<CatalogTable, 'schema' | 'name'>): string {
  return `${schema}.${name}`;
}

type Planned = Map<string, PlannedTable>;

function directTables({ tables, tenant: registry }: TenantCatalog, column: string, tenant: TenantName): Planned {
  const planned: Planned = new Map();
  for (const table of tables) {
    if (table.oid === registry.oid) {
      planned.set(table.oid, describe(table, `t.id = ${quoteLiteral(tenant.uuid)}::uuid`, 'the tenant itself'));
    } else if (table.tenantColumnType !== null) {
      const condition = `t.${quoteIdentifier(column)} ${matches(table.tenantColumnType, tenant)}`;
      planned.set(table.oid, describe(table, condition, `its ${column}`));
    }
  }
  return planned;
}

/** Before 052 the column is a text that holds the UUID or the slug. */
function matches(type: string, { uuid, slug }: TenantName): string {
  if (type === 'uuid') return `= ${quoteLiteral(uuid)}::uuid`;
  return `in (${quoteLiteral(uuid)}, ${quoteLiteral(slug)})`;
}

function describe(table: CatalogTable, condition: string, because: string): PlannedTable {
  return {
    oid: table.oid,
    label: labelOf(table),
    sql: quoteQualified(table.schema, table.name),
    columns: table.columns,
    condition,
    because,
  };
}

/** Rows without a tenant column belong to whom the row belongs without which they cannot be, over any number of steps. */
function addDependents(planned: Planned, { tables, foreignKeys }: TenantCatalog): Planned {
  for (let grown = true; grown; ) {
    grown = false;
    for (const table of tables) {
      if (planned.has(table.oid)) continue;
      const keys = foreignKeys.filter((key) => key.child === table.oid && owns(key) && planned.has(key.parent));
      if (keys.length === 0) continue;
      const condition = keys.map((key) => refersTo(key, planned.get(key.parent)!)).join(' or ');
      const parents = [...new Set(keys.map(({ parent }) => planned.get(parent)!.label))].join(', ');
      planned.set(table.oid, describe(table, `(${condition})`, `it belongs to ${parents}`));
      grown = true;
    }
  }
  return planned;
}

/** A `created_by` that may be empty makes nobody's row: only a parent that takes its children along owns them. */
function owns({ onDelete, required }: ForeignKey): boolean {
  return onDelete === 'cascade' || required;
}

/** Each level has its own alias `t`; the outer one is named before it is hidden. */
function refersTo({ childColumns, parentColumns }: ForeignKey, parent: PlannedTable): string {
  const child = childColumns.map((name) => `t.${quoteIdentifier(name)}`).join(', ');
  const columns = parentColumns.map((name) => `t.${quoteIdentifier(name)}`).join(', ');
  return `(${child}) in (select ${columns} from ${parent.sql} t where ${parent.condition})`;
}

/**
 * Rows that are not the tenant's and refer to its rows: of other tenants, or of nobody. A table without a tenant column
 * that lets go by itself (`set null`) was made to.
 */
function findCrossings({ tables, foreignKeys, tenant }: TenantCatalog, planned: Planned, column: string): Crossing[] {
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  return foreignKeys.flatMap((key) => {
    const table = byOid.get(key.child);
    const parent = planned.get(key.parent);
    if (table === undefined || parent === undefined) return [];
    if (key.parent === tenant.oid && key.childColumns.join() === column) return [];
    const child = planned.get(key.child);
    if (table.tenantColumnType === null && (child !== undefined || key.onDelete.startsWith('set '))) return [];
    const foreign = child === undefined ? '' : `(${child.condition}) is not true and `;
    const count = `select count(*)::text as rows from ${quoteQualified(table.schema, table.name)} t where ${foreign}${refersTo(key, parent)}`;
    return [{ label: labelOf(table), parent: parent.label, foreignKey: key.name, onDelete: key.onDelete, count }];
  });
}

/** Strongly connected components in an order in which parents come before children (Tarjan's algorithm). */
export function sortByReference(
  oids: readonly string[],
  keys: readonly Pick<ForeignKey, 'child' | 'parent'>[],
): string[][] {
  const parents = new Map<string, string[]>(oids.map((oid) => [oid, []]));
  for (const { child, parent } of keys) if (child !== parent) parents.get(child)?.push(parent);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (oid: string): void => {
    index.set(oid, index.size);
    low.set(oid, index.get(oid)!);
    stack.push(oid);
    for (const parent of parents.get(oid) ?? []) {
      if (!index.has(parent)) visit(parent);
      if (stack.includes(parent)) low.set(oid, Math.min(low.get(oid)!, low.get(parent)!));
    }
    if (low.get(oid) === index.get(oid)) groups.push(stack.splice(stack.indexOf(oid)));
  };
  for (const oid of oids) if (!index.has(oid)) visit(oid);
  return groups;
}
