import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { isUuid } from './identifier.ts';
import type { TenantRow } from './resolution.ts';

/** The table of tenants (manual 006, 052): `id uuid`, `slug text`, and whatever else it has. */
export interface TenantTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

interface Described extends TenantTable {
  readonly kind: string;
  readonly idType: string | null;
  readonly usage: boolean;
  readonly denied: readonly string[];
  readonly filtered: boolean;
  readonly role: string;
}

/**
 * Finds the table of tenants and makes sure that this role sees every row of it: a tenant that row-level security hides
 * would be reported as unknown.
 * @param given `schema.name`, or a name that the search path finds
 * @throws AishaError (usage) when there is no such table or it lacks a column; (connection) when this role may not see it
 */
export async function findTenantTable(session: Session, given: string): Promise<TenantTable> {
  const [found] = await session.query<Described>(
    `select c.oid::text as oid, n.nspname as schema, c.relname as name, c.relkind as kind, current_user::text as role,
       pg_catalog.has_schema_privilege(n.oid, 'usage') as usage,
       (select pg_catalog.format_type(atttypid, null) from pg_catalog.pg_attribute
        where attrelid = c.oid and attname = 'id' and not attisdropped) as "idType",
       (select coalesce(json_agg(attname order by attnum), '[]') from pg_catalog.pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
       (select coalesce(json_agg(attname), '[]') from pg_catalog.pg_attribute
        where attrelid = c.oid and attname in ('id', 'slug')
          and not pg_catalog.has_column_privilege(c.oid, attnum, 'select')) as denied,
       pg_catalog.row_security_active(c.oid) as filtered
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v') and n.nspname || '.' || c.relname = case
       when pg_catalog.strpos($1, '.') > 0 then $1 else 'public.' || $1 end`,
    [given],
  );
  if (found === undefined) throw noTable(given);
  const missing = ['id', 'slug'].filter((column) => !found.columns.includes(column));
  if (missing.length > 0 || found.idType !== 'uuid') throw unusable(found, missing);
  if (!found.usage || found.denied.length > 0) throw denied(found);
  if (found.filtered) throw hidden(`${found.schema}.${found.name}`, found.role);
  return found;
}

function noTable(given: string): AishaError {
  return new AishaError('usage', `there is no table of tenants "${given}" in this database`, {
    hint: 'Name it with --table SCHEMA.NAME; the pack makes it with 006_tenant_table.sql: aisha-db status shows what is applied. Check on stderr that this is the database you mean.',
  });
}

function unusable({ schema, name, idType }: Described, missing: readonly string[]): AishaError {
  const problem = missing.length > 0 ? `has no column ${missing.join(', ')}` : `has an id of type ${idType}, not uuid`;
  return new AishaError('usage', `the table of tenants ${schema}.${name} ${problem}`, {
    hint: 'Since 052_tenant_identifiers.sql a tenant has id (uuid) and slug: apply it, or name another table with --table.',
  });
}

function denied({ schema, name, role }: Described): AishaError {
  const table = quoteQualified(schema, name);
  return new AishaError('connection', `role "${role}" may not read the table of tenants ${schema}.${name}`, {
    hint: `Let its owner run: grant usage on schema ${quoteIdentifier(schema)} to ${quoteIdentifier(role)}; grant select on ${table} to ${quoteIdentifier(role)};`,
  });
}

/** What is to be said when row-level security would hide rows that the answer depends on. */
export function hidden(tables: string, role: string): AishaError {
  return new AishaError('connection', `row-level security hides rows of ${tables} from role "${role}"`, {
    hint: `Use a role with BYPASSRLS (on Supabase: postgres), or become one that "${role}" is a member of: PGOPTIONS="-c role=service_role".`,
  });
}

/** The rows whose id or slug is one of the identifiers. */
export function readTenants(
  session: Session,
  { schema, name }: TenantTable,
  identifiers: readonly string[],
  lock: '' | 'for update' = '',
): Promise<TenantRow[]> {
  return session.query<TenantRow>(
    `select id::text, slug::text from ${quoteQualified(schema, name)} where id = any ($1::uuid[]) or slug = any ($2::text[]) ${lock}`,
    [identifiers.filter(isUuid), identifiers],
  );
}

/** A tenant as `tenant list` shows it; columns that the table lacks are `null`. */
export interface ListedTenant extends TenantRow {
  readonly name: string | null;
  readonly status: string | null;
  readonly plan: string | null;
  /** ISO 8601. */
  readonly createdAt: string | null;
}

/** Every tenant, by slug. */
export function listTenants(session: Session, table: TenantTable): Promise<ListedTenant[]> {
  const text = (column: string) => (table.columns.includes(column) ? `${quoteIdentifier(column)}::text` : 'null::text');
  const created = table.columns.includes('created_at')
    ? `to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
    : 'null::text';
  return session.query<ListedTenant>(
    `select id::text, slug::text, ${text('name')} as name, ${text('status')} as status, ${text('plan')} as plan,
       ${created} as "createdAt"
     from ${quoteQualified(table.schema, table.name)} order by slug collate "C", id`,
  );
}
