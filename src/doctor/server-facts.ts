import type { Session } from '../postgres/session.ts';

/** Extensions that the schema and the checks use (manual 9.2, 9.5; part 1). */
const EXTENSIONS = ['pgcrypto', 'pg_stat_statements', 'uuid-ossp', 'pg_trgm'] as const;

/** What a server says about itself, the role and the database, in one question. */
export interface ServerFacts {
  readonly version: string;
  /** `server_version_num`: 150018 */
  readonly versionNumber: number;
  readonly database: string;
  readonly role: string;
  readonly isReplica: boolean;
  readonly isReadOnly: boolean;
  readonly encrypted: boolean | null;
  readonly mayCreateInPublic: boolean | null;
  readonly mayCreateSchema: boolean;
  readonly isSuperuser: boolean;
  readonly bypassesRls: boolean;
  readonly seesStatistics: boolean;
  readonly extensions: readonly { readonly name: string; readonly installed: boolean; readonly available: boolean }[];
  readonly tables: number;
  /** Of the tables every schema of the manual has: those that are there. */
  readonly known: readonly string[];
  readonly bytes: number;
  readonly sessions: number;
  readonly maxSessions: number;
}

/** Takes no lock and needs no right. */
export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const [row] = await session.query<Omit<ServerFacts, 'bytes'> & { readonly bytes: string }>(
    `select
       current_setting('server_version') as version, current_setting('server_version_num')::integer as "versionNumber",
       current_database()::text as database, current_user::text as role,
       pg_catalog.pg_is_in_recovery() as "isReplica", current_setting('default_transaction_read_only') = 'on' as "isReadOnly",
       (select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()) as encrypted,
       (select pg_catalog.has_schema_privilege(oid, 'create') from pg_catalog.pg_namespace where nspname = 'public') as "mayCreateInPublic",
       pg_catalog.has_database_privilege(current_database(), 'create') as "mayCreateSchema",
       r.rolsuper as "isSuperuser", r.rolsuper or r.rolbypassrls as "bypassesRls",
       pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as "seesStatistics",
       (select json_agg(json_build_object('name', name, 'available', a.name is not null, 'installed', a.installed_version is not null))
        from unnest($1::text[]) wanted (name) left join pg_catalog.pg_available_extensions a using (name)) as extensions,
       t.tables, t.known,
       pg_catalog.pg_database_size(current_database())::text as bytes,
       (select count(*)::integer from pg_catalog.pg_stat_activity where backend_type = 'client backend') as sessions,
       current_setting('max_connections')::integer as "maxSessions"
     from pg_catalog.pg_roles r, (
       select count(*)::integer as tables,
         coalesce(json_agg(c.relname) filter (where n.nspname = 'public' and c.relname in ('tenant', 'contacts', 'accounts', 'leads')), '[]') as known
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     ) t
     where r.rolname = current_user`,
    [EXTENSIONS],
  );
  return { ...row!, bytes: Number(row!.bytes) };
}
