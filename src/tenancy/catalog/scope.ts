import type { Session } from '../../postgres/session.ts';
import type { Exposure, RoleFacts } from '../facts.ts';
import type { TenancySettings } from '../settings.ts';
import { readRows } from './rows.ts';

export interface SchemaRow {
  readonly oid: number;
  readonly name: string;
  /** Whom USAGE is granted to; PUBLIC is 0. */
  readonly usage: ReadonlySet<number>;
}

/** True of a schema, by its name, that is the user's: not the server's own. */
const isOfUsers = (name: string) => `${name} !~ '^pg_' and ${name} <> 'information_schema'`;

// The owner may use it whatever the list says.
export const SCHEMAS = `
  select n.oid::int8 as oid, n.nspname as name, array(
    select n.nspowner::int8
    union
    select a.grantee::int8 from pg_catalog.aclexplode(n.nspacl) a where a.privilege_type = 'USAGE'
  ) as usage
  from pg_catalog.pg_namespace n
  where ${isOfUsers('n.nspname')}
  order by n.nspname
`;

/** As it is read. */
export type ListedSchema = Omit<SchemaRow, 'usage'> & { readonly usage: readonly number[] };

/** The schemas that are the user's. */
export async function readSchemas(session: Session): Promise<SchemaRow[]> {
  return (await readRows<ListedSchema>(session, SCHEMAS)).map(toSchema);
}

export function toSchema({ usage, ...schema }: ListedSchema): SchemaRow {
  return { ...schema, usage: new Set(usage) };
}

/**
 * Which schemas the API serves: told, or read where PostgREST reads it (its docs, "In-Database Configuration"), or
 * assumed to be all that an API role may use. Assuming too much is safe, but it is said.
 */
export function findExposure(
  settings: TenancySettings,
  schemas: readonly SchemaRow[],
  apiRoles: readonly RoleFacts[],
  served: string | null,
): Exposure {
  const existing = (names: readonly string[]) => schemas.map(({ name }) => name).filter((name) => names.includes(name));
  if (settings.apiSchemas !== undefined) return { schemas: existing(settings.apiSchemas), source: 'configuration' };
  if (apiRoles.length === 0) return { schemas: [], source: 'no API role' };
  if (served !== null) return { schemas: existing(splitList(served)), source: 'pgrst.db_schemas' };
  const reached = schemas.filter(({ usage }) => apiRoles.some((role) => mayUse(role, usage)));
  return { schemas: reached.map(({ name }) => name), source: 'usage' };
}

/** The role itself, PUBLIC, or a role whose privileges it has. */
function mayUse(role: RoleFacts, grantees: ReadonlySet<number>): boolean {
  return grantees.has(0) || [...role.inherits].some((oid) => grantees.has(oid));
}

export async function readServedSchemas(session: Session): Promise<string | null> {
  const [row] = await session.query<{ served: string | null }>(`select ${SERVED_SCHEMAS} as served`);
  return row!.served;
}

/** SQL of the setting: that of this session, else of the role that PostgREST logs in as, the most particular first. */
export const SERVED_SCHEMAS = `coalesce(
  nullif(pg_catalog.current_setting('pgrst.db_schemas', true), ''),
  (
    select pg_catalog.substr(entry, pg_catalog.length('pgrst.db_schemas=') + 1)
    from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) entry
    where entry like 'pgrst.db\\_schemas=%'
      and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
      and s.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = 'authenticator'))
    order by s.setrole <> 0 desc, s.setdatabase <> 0 desc
    limit 1
  )
)`;

function splitList(text: string): string[] {
  return text.split(',').map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
}
