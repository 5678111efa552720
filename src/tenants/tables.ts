import type { Session } from '../postgres/session.ts';
import type { TenantTable } from './tenant-table.ts';

/** A table as the catalog has it, as far as tenants go. */
export interface CatalogTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** Type of the tenant column; `null` when the table has none. */
  readonly tenantColumnType: string | null;
  readonly tenantColumnRequired: boolean;
  /** Columns that can be written, in their order: generated ones are computed again. */
  readonly columns: readonly string[];
  /** Row-level security hides rows of it from this role. */
  readonly filtered: boolean;
}

/** A foreign key between two tables; columns in the order of the key. */
export interface ForeignKey {
  readonly name: string;
  /** Oid of the table that refers. */
  readonly child: string;
  readonly parent: string;
  readonly childColumns: readonly string[];
  readonly parentColumns: readonly string[];
  /** What happens to a child when its parent goes (pg_constraint.confdeltype). */
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';
  /** Every column of the child is NOT NULL: a row of it cannot be without its parent. */
  readonly required: boolean;
  readonly validated: boolean;
  readonly deferrable: boolean;
}

/** What one database says about its tables; partitions count as part of their table. */
export interface TenantCatalog {
  readonly role: string;
  readonly tenant: TenantTable;
  readonly tables: readonly CatalogTable[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Foreign tables and materialized views with a tenant column: rows that lie elsewhere. */
  readonly elsewhere: readonly string[];
}

const OF_THE_USER = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/** Reads every table, its tenant column, and every foreign key; takes no lock and needs no right. */
export async function readCatalog(session: Session, tenant: TenantTable, column: string): Promise<TenantCatalog> {
  const tables = await session.query<CatalogTable>(
    `select c.oid::text as oid, n.nspname as schema, c.relname as name,
       pg_catalog.format_type(t.atttypid, null) as "tenantColumnType",
       coalesce(t.attnotnull, false) as "tenantColumnRequired",
       (select coalesce(json_agg(a.attname order by a.attnum), '[]') from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
       pg_catalog.row_security_active(c.oid) as filtered
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     left join pg_catalog.pg_attribute t on t.attrelid = c.oid and t.attname = $1 and t.attnum > 0 and not t.attisdropped
     where c.relkind in ('r', 'p') and not c.relispartition and ${OF_THE_USER}
     order by n.nspname collate "C", c.relname collate "C"`,
    [column],
  );
  const elsewhere = await session.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute t on t.attrelid = c.oid and t.attname = $1 and t.attnum > 0 and not t.attisdropped
     where c.relkind in ('f', 'm') and ${OF_THE_USER}
     order by 1`,
    [column],
  );
  const [who] = await session.query<{ role: string }>('select current_user::text as role');
  const foreignKeys = await readForeignKeys(session);
  return { role: who!.role, tenant, tables, foreignKeys, elsewhere: elsewhere.map(({ name }) => name) };
}

/** Keys of partitions are those of their table (conparentid). */
function readForeignKeys(session: Session): Promise<ForeignKey[]> {
  const columns = (side: 'con' | 'conf') =>
    `(select json_agg(a.attname order by k.at) from unnest(c.${side}key) with ordinality k (number, at)
      join pg_catalog.pg_attribute a on a.attrelid = c.${side}relid and a.attnum = k.number)`;
  return session.query<ForeignKey>(
    `select c.conname as name, c.conrelid::text as child, c.confrelid::text as parent,
       ${columns('con')} as "childColumns", ${columns('conf')} as "parentColumns",
       case c.confdeltype when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade'
         when 'n' then 'set null' else 'set default' end as "onDelete",
       (select bool_and(a.attnotnull) from pg_catalog.pg_attribute a
        where a.attrelid = c.conrelid and a.attnum = any (c.conkey)) as required,
       c.convalidated as validated, c.condeferrable as deferrable
     from pg_catalog.pg_constraint c
     where c.contype = 'f' and c.conparentid = 0
     order by c.conrelid, c.conname collate "C"`,
  );
}
