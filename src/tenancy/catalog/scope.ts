import type { Session } from '../../postgres/session.ts';
import type { Exposure, RoleFacts } from '../facts.ts';
import type { TenancySettings } from '../settings.ts';
import { readAccessLists } from './grants.ts';

export interface SchemaRow {
  readonly oid: number;
  readonly name: string;
  /** Whom USAGE is granted to; PUBLIC is 0. */
  readonly usage: ReadonlySet<number>;
}

/** The schemas that are the user's: not the server's own. */
export async function readSchemas(session: Session): Promise<SchemaRow[]> {
  const rows = await session.query<{ oid: number; name: string; owner: number; acl: string | null }>(`
    select oid, nspname as name, nspowner as owner, nspacl::text as acl
    from pg_catalog.pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
    order by nspname
  `);
  const lists = await readAccessLists(session, new Set(rows.flatMap((row) => row.acl ?? [])));
  return rows.map(({ oid, name, owner, acl }) => {
    const granted = [...(acl === null ? new Map() : (lists.get(acl) ?? new Map()))];
    const users = granted.filter(([, privileges]) => privileges.has('USAGE')).map(([grantee]) => grantee);
    return { oid, name, usage: new Set([owner, ...users]) };
  });
}

/**
 * Which schemas the API serves: told, or read where PostgREST reads it (its docs, "In-Database Configuration"), or
 * assumed to be all that an API role may use. Assuming too much is safe, but it is said.
 */
export async function findExposure(
  session: Session,
  settings: TenancySettings,
  schemas: readonly SchemaRow[],
  apiRoles: readonly RoleFacts[],
): Promise<Exposure> {
  const existing = (names: readonly string[]) => schemas.map(({ name }) => name).filter((name) => names.includes(name));
  if (settings.apiSchemas !== undefined) return { schemas: existing(settings.apiSchemas), source: 'configuration' };
  if (apiRoles.length === 0) return { schemas: [], source: 'no API role' };
  const served = await readServedSchemas(session);
  if (served !== undefined) return { schemas: existing(splitList(served)), source: 'pgrst.db_schemas' };
  const reached = schemas.filter(({ usage }) => apiRoles.some((role) => mayUse(role, usage)));
  return { schemas: reached.map(({ name }) => name), source: 'usage' };
}

/** The role itself, PUBLIC, or a role whose privileges it has. */
function mayUse(role: RoleFacts, grantees: ReadonlySet<number>): boolean {
  return grantees.has(0) || [...role.inherits].some((oid) => grantees.has(oid));
}

/** The setting of this session, else of the role that PostgREST logs in as, the most particular first. */
async function readServedSchemas(session: Session): Promise<string | undefined> {
  const rows = await session.query<{ value: string | null }>(`
    select coalesce(
      nullif(current_setting('pgrst.db_schemas', true), ''),
      (
        select substr(entry, length('pgrst.db_schemas=') + 1)
        from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) entry
        where entry like 'pgrst.db\\_schemas=%'
          and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
          and s.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = 'authenticator'))
        order by s.setrole <> 0 desc, s.setdatabase <> 0 desc
        limit 1
      )
    ) as value
  `);
  return rows[0]?.value ?? undefined;
}

function splitList(text: string): string[] {
  return text.split(',').map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
}
