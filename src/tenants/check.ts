import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { CatalogTable, TenantCatalog } from './tables.ts';

/** What was found out about one table with a tenant column. */
export interface CheckedTable {
  /** `schema.name`. */
  readonly table: string;
  /** Quoted. */
  readonly sql: string;
  readonly status: 'proved' | 'looked' | 'undecided';
  /** Of an undecided one: why. */
  readonly reason?: string;
  /** Rows whose tenant is none. */
  readonly unknown: number;
  /** Rows without a tenant, where the column may be empty. */
  readonly empty: number;
  /** Values that are no tenant, those of most rows first. */
  readonly samples: readonly { readonly value: string; readonly rows: number }[];
}

/** Values shown of a table. */
const SAMPLES = 5;

/**
 * Looks in every table with a tenant column for rows whose tenant is none. A validated foreign key proves that there
 * are none; such a table is only read for empty columns.
 */
export async function checkTenants(
  session: Session,
  catalog: TenantCatalog,
  column: string,
  onTable: (table: string) => void,
): Promise<CheckedTable[]> {
  const checked: CheckedTable[] = [];
  for (const table of catalog.tables) {
    if (table.tenantColumnType === null || table.oid === catalog.tenant.oid) continue;
    onTable(labelOf(table));
    checked.push(await checkTable(session, catalog, table, column));
  }
  return checked;
}

function labelOf({ schema, name }: CatalogTable): string {
  return `${schema}.${name}`;
}

async function checkTable(
  session: Session,
  catalog: TenantCatalog,
  table: CatalogTable,
  column: string,
): Promise<CheckedTable> {
  const base = {
    table: labelOf(table),
    sql: quoteQualified(table.schema, table.name),
    unknown: 0,
    empty: 0,
    samples: [],
  };
  if (table.filtered) {
    return { ...base, status: 'undecided', reason: `row-level security hides rows from ${catalog.role}` };
  }
  const proved = isProved(table, catalog, column);
  if (proved && table.tenantColumnRequired) return { ...base, status: 'proved' };
  try {
    const empty = table.tenantColumnRequired ? 0 : await countEmpty(session, base.sql, column);
    if (proved) return { ...base, status: 'proved', empty };
    return { ...base, status: 'looked', empty, ...(await findUnknown(session, catalog, table, column)) };
  } catch (error) {
    const failure = serverError(error);
    // A lost connection is no verdict about one table.
    if (failure === undefined) throw error;
    return { ...base, status: 'undecided', reason: failure.message };
  }
}

/** An invalid foreign key holds for new rows only. */
function isProved(table: CatalogTable, { foreignKeys, tenant }: TenantCatalog, column: string): boolean {
  return foreignKeys.some(
    ({ child, parent, childColumns, parentColumns, validated }) =>
      validated &&
      child === table.oid &&
      parent === tenant.oid &&
      childColumns.join() === column &&
      parentColumns.join() === 'id',
  );
}

async function countEmpty(session: Session, sql: string, column: string): Promise<number> {
  const [row] = await session.query<{ rows: string }>(
    `select count(*)::text as rows from ${sql} where ${quoteIdentifier(column)} is null`,
  );
  return Number(row!.rows);
}

/** Before 052 the column is a text that holds the UUID or the slug. */
async function findUnknown(
  session: Session,
  { tenant }: TenantCatalog,
  table: CatalogTable,
  column: string,
): Promise<Pick<CheckedTable, 'unknown' | 'samples'>> {
  const name = quoteIdentifier(column);
  const isTenant =
    table.tenantColumnType === 'uuid' ? 'r.id = v.value' : 'r.id::text = v.value::text or r.slug = v.value::text';
  // Grouped first: there are fewer tenants than rows.
  const values = await session.query<{ value: string; rows: string; total: string }>(
    `select v.value::text, v.rows::text, (sum(v.rows) over ())::text as total
     from (
       select ${name} as value, count(*) as rows from ${quoteQualified(table.schema, table.name)}
       where ${name} is not null group by 1
     ) v
     where not exists (select from ${quoteQualified(tenant.schema, tenant.name)} r where ${isTenant})
     order by v.rows desc, v.value::text collate "C" limit ${SAMPLES}`,
  );
  return {
    unknown: Number(values[0]?.total ?? 0),
    samples: values.map(({ value, rows }) => ({ value, rows: Number(rows) })),
  };
}
