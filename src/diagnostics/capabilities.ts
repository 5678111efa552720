import { MANAGED_SERVICES } from '../managed-services.ts';
import { SUPABASE_SCHEMAS } from '../postgres/managed-schemas.ts';
import type { Session } from '../postgres/session.ts';
import type { Capabilities, InstalledExtension, Need, TableAccess } from './needs.ts';

interface ServerRow {
  readonly version: number;
  readonly role: string;
  readonly keepers: string[];
  readonly bypasses: boolean;
  readonly roles: string[];
  readonly extensions: [string, InstalledExtension][];
  readonly settings: [string, string][];
  readonly functions: string[];
  readonly ignored: string[];
}

/** Asks once what checks need to know about the server and the role; takes no lock and needs no right. */
export async function readCapabilities(
  session: Session,
  needs: readonly Need[],
  ignoreSchemas: readonly string[],
): Promise<Capabilities> {
  const settings = needs.flatMap((need) => (need.kind === 'setting' ? [need.name] : []));
  const functions = needs.flatMap((need) => (need.kind === 'function' ? [`${need.schema}.${need.name}`] : []));
  const [row] = await session.query<ServerRow>(
    `select
       current_setting('server_version_num')::integer as version,
       current_user::text as role,
       (select coalesce(json_agg(rolname), '[]') from pg_catalog.pg_roles where rolname = any ($5::text[])) as keepers,
       coalesce((select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = current_user), false) as bypasses,
       (select coalesce(json_agg(rolname), '[]') from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'usage')) as roles,
       (select coalesce(json_agg(json_build_array(e.extname, json_build_object(
          'schema', n.nspname, 'usage', pg_catalog.has_schema_privilege(n.oid, 'usage')))), '[]')
        from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace) as extensions,
       (select coalesce(json_agg(json_build_array(s, pg_catalog.current_setting(s, true))), '[]')
        from unnest($1::text[]) s) as settings,
       (select coalesce(json_agg(f), '[]') from unnest($4::text[]) f
        where pg_catalog.has_function_privilege(pg_catalog.to_regprocedure(f || '()'), 'execute')) as functions,
       (select coalesce(json_agg(nspname), '[]') from pg_catalog.pg_namespace
        where nspname ~ '^pg_' or nspname = 'information_schema' or nspname = any ($2::text[])
          or nspname = any ($3::text[]) and exists (
            select from pg_catalog.pg_roles where rolname = 'supabase_admin'
          )) as ignored`,
    [settings, ignoreSchemas, SUPABASE_SCHEMAS, functions, [...MANAGED_SERVICES.keys()]],
  );
  const { version, role, keepers, bypasses, roles, extensions, functions: callable, ignored } = row!;
  return {
    versionNumber: version,
    role,
    service: MANAGED_SERVICES.get(keepers[0] ?? ''),
    bypassesRls: bypasses,
    roles: new Set(roles),
    extensions: new Map(extensions),
    settings: new Map(row!.settings.filter(([, value]) => value !== null)),
    functions: new Set(callable),
    tables: await readTables(session, needs),
    ignoredSchemas: ignored,
  };
}

async function readTables(session: Session, needs: readonly Need[]): Promise<ReadonlyMap<string, TableAccess>> {
  const names = [...new Set(needs.flatMap((need) => (need.kind === 'table' ? [`${need.schema}.${need.name}`] : [])))];
  if (names.length === 0) return new Map();
  const rows = await session.query<TableAccess & { readonly table: string }>(
    `select
       n.nspname || '.' || c.relname as "table",
       json_agg(a.attname) as columns,
       coalesce(json_agg(a.attname) filter (where not pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')), '[]') as denied,
       pg_catalog.has_schema_privilege(n.oid, 'usage') as usage,
       pg_catalog.row_security_active(c.oid) as filtered
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname || '.' || c.relname = any ($1::text[])
     group by n.oid, n.nspname, c.oid, c.relname`,
    [names],
  );
  return new Map(rows.map(({ table, ...access }) => [table, access]));
}
