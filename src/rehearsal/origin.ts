import type { Session } from '../postgres/session.ts';

/** What a dump does not hold of a database and of the role that migrates it, and a migration can notice. */
export interface Origin {
  readonly role: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  /** Roles that it is a member of, directly. */
  readonly memberOf: readonly string[];
  /** Owner of the database. */
  readonly owner: string;
  readonly mayCreate: boolean;
  /** `ALTER ROLE` and `ALTER DATABASE ... SET` that a session of the role gets: `statement_timeout=10s`. */
  readonly roleSettings: readonly string[];
  readonly databaseSettings: readonly string[];
}

/** Asks the database that is to be copied; reads only. */
export async function readOrigin(session: Session): Promise<Origin> {
  const [origin] = await session.query<Origin>(ORIGIN);
  return origin!;
}

const ORIGIN = `
  select r.rolname::text as role, r.rolsuper as superuser, r.rolbypassrls as "bypassRls", r.rolcreaterole as "createRole",
    r.rolcreatedb as "createDatabase",
    coalesce((select array_agg(distinct g.rolname::text) from pg_catalog.pg_auth_members m
      join pg_catalog.pg_roles g on g.oid = m.roleid where m.member = r.oid), '{}') as "memberOf",
    pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
    pg_catalog.has_database_privilege(d.oid, 'CREATE') as "mayCreate",
    coalesce((select s.setconfig from pg_catalog.pg_db_role_setting s where s.setrole = r.oid and s.setdatabase = 0), '{}')
      || coalesce((select s.setconfig from pg_catalog.pg_db_role_setting s where s.setrole = r.oid and s.setdatabase = d.oid), '{}')
      as "roleSettings",
    coalesce((select s.setconfig from pg_catalog.pg_db_role_setting s where s.setrole = 0 and s.setdatabase = d.oid), '{}')
      as "databaseSettings"
  from pg_catalog.pg_roles r, pg_catalog.pg_database d
  where r.rolname = session_user and d.datname = pg_catalog.current_database()`;

/**
 * The same from a backup alone: what its manifest does not know is assumed so that the migrations can run, and the role
 * is a member of all others of the backup that are no superusers.
 */
export function originOf(
  role: { readonly name: string; readonly superuser: boolean; readonly bypassRls: boolean },
  roles: readonly {
    readonly name: string;
    readonly superuser: boolean;
    readonly createRole: boolean;
    readonly createDatabase: boolean;
  }[],
): Origin {
  const known = roles.find(({ name }) => name === role.name);
  return {
    role: role.name,
    superuser: role.superuser,
    bypassRls: role.bypassRls,
    createRole: known?.createRole ?? false,
    createDatabase: known?.createDatabase ?? false,
    memberOf: roles.filter(({ name, superuser }) => name !== role.name && !superuser).map(({ name }) => name),
    owner: role.name,
    mayCreate: true,
    roleSettings: [],
    databaseSettings: [],
  };
}
