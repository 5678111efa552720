import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { readSequences } from './contents.ts';
import type { DatabaseFacts, OtherSession, RelationFact } from './facts.ts';
import type { ExtensionUsed, LedgerHead, RoleNeeded } from './manifest.ts';

/** Schema and table of the migrations' ledger. */
interface LedgerName {
  readonly schema: string;
  readonly table: string;
}

/**
 * Asks the server for all that a backup is planned by, in the transaction of the session: as of its snapshot.
 * @param passing a session without a transaction, for sequences: reading them locks them, and a lock that was held for
 *   the whole dump would stand between the dump and a DROP SEQUENCE that waits
 */
export async function readFacts(
  session: Session,
  passing: Session,
  excludedSchemas: readonly string[],
  ledger: LedgerName,
): Promise<DatabaseFacts> {
  const [server] = await session.query<ServerRow>(SERVER);
  const { versionNumber, roleName, superuser, bypassRls, ...rest } = server!;
  const [largeObjects] = await session.query<DatabaseFacts['largeObjects']>(LARGE_OBJECTS);
  return {
    ...rest,
    serverMajor: Math.floor(versionNumber / 10_000),
    role: { name: roleName, superuser, bypassRls },
    systemIdentifier: await readSystemIdentifier(session),
    relations: await session.query<RelationFact>(RELATIONS),
    sequences: await readSequences(passing, excludedSchemas),
    extensions: await session.query<ExtensionUsed>(EXTENSIONS),
    roles: await session.query<RoleNeeded>(ROLES),
    largeObjects: largeObjects!,
    invalidIndexes: await readInvalidIndexes(session),
    foreignKeys: await session.query<DatabaseFacts['foreignKeys'][number]>(FOREIGN_KEYS),
    ledger: await readLedgerHead(session, ledger),
    otherDumps: await session.query<OtherSession>(OTHER_DUMPS),
  };
}

/** Sessions and prepared transactions that hold a lock which no dump can share. */
export async function readBlockers(session: Session): Promise<OtherSession[]> {
  return session.query<OtherSession>(
    `select l.pid, a.usename as role, nullif(a.application_name, '') as application,
       to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SSOF') as since,
       array_agg(format('%I.%I', n.nspname, c.relname) order by n.nspname collate "C", c.relname collate "C") as relations
     from pg_catalog.pg_locks l
     join pg_catalog.pg_class c on c.oid = l.relation
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.granted
       and l.pid is distinct from pg_catalog.pg_backend_pid()
       and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
       and c.relkind in ('r', 'p', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     group by 1, 2, 3, 4 order by 1`,
  );
}

interface ServerRow
  extends Pick<
    DatabaseFacts,
    'serverVersion' | 'database' | 'encoding' | 'collation' | 'ctype' | 'owner' | 'now' | 'lsn' | 'subscriptions'
  > {
  readonly versionNumber: number;
  readonly roleName: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
}

const SERVER = `
  select current_setting('server_version') as "serverVersion",
    current_setting('server_version_num')::integer as "versionNumber",
    d.datname as database, pg_encoding_to_char(d.encoding) as encoding, d.datcollate as collation, d.datctype as ctype,
    pg_get_userbyid(d.datdba)::text as owner,
    r.rolname as "roleName", r.rolsuper as superuser, r.rolbypassrls as "bypassRls",
    to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now,
    (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as lsn,
    (select count(*)::integer from pg_stat_subscription) as subscriptions
  from pg_database d, pg_roles r
  where d.datname = current_database() and r.rolname = current_user`;

const RELATIONS = `
  select n.nspname as schema, c.relname as name, c.relkind as kind,
    case when c.relkind in ('r', 'm') then pg_table_size(c.oid) else 0 end::float8 as bytes,
    greatest(c.reltuples, 0)::float8 as "estimatedRows",
    has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE') as "canSelect",
    c.relkind in ('r', 'p') and row_security_active(c.oid) as "isFiltered",
    c.relforcerowsecurity as "isForced", pg_has_role(c.relowner, 'USAGE') as "isOwned",
    pg_get_userbyid(c.relowner)::text as owner
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'S', 'f', 'm') and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend x
      where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')
  order by n.nspname collate "C", c.relname collate "C"`;

const EXTENSIONS = `
  select e.extname as name, e.extversion as version, n.nspname as schema
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname <> 'plpgsql' order by e.extname collate "C"`;

/**
 * pg_shdepend knows every role that an object of this database belongs to or is granted to, except for the first one of
 * the server (oid 10), which needs no entry. Predefined roles are everywhere.
 */
const ROLES = `
  with needed as (
    select r.* from pg_roles r
    where r.rolname !~ '^pg_' and (r.oid = 10 or r.oid in (
      select s.refobjid from pg_shdepend s
      where s.refclassid = 'pg_authid'::regclass
        and s.dbid = (select d.oid from pg_database d where d.datname = current_database())))
  )
  select n.rolname as name, n.rolsuper as superuser, n.rolbypassrls as "bypassRls", n.rolcanlogin as login,
    n.rolinherit as inherit, n.rolcreaterole as "createRole", n.rolcreatedb as "createDatabase",
    coalesce((select array_agg(distinct g.rolname::text order by g.rolname::text)
      from pg_auth_members m join needed g on g.oid = m.roleid where m.member = n.oid), '{}') as "memberOf"
  from needed n order by n.rolname collate "C"`;

/** A large object can be read by its owner and by whom it is granted to; there is no function to ask before 18. */
const LARGE_OBJECTS = `
  select count(*)::float8 as count, (count(*) filter (where not pg_has_role(m.lomowner, 'USAGE') and not exists (
    select from aclexplode(m.lomacl) a
    where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_has_role(a.grantee, 'USAGE')))))::float8 as unreadable
  from pg_largeobject_metadata m`;

const FOREIGN_KEYS = `
  select n.nspname as schema, c.relname as table, k.conname as name, pg_get_userbyid(c.relowner)::text as owner,
    format('%I.%I %I', n.nspname, c.relname, k.conname) as "catalogName",
    json_build_object('schema', rn.nspname, 'name', r.relname) as "refersTo"
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
  where k.contype = 'f' and k.conparentid = 0
  order by n.nspname collate "C", c.relname collate "C", k.conname collate "C"`;

/** By the names that our own runs do not have. */
const OTHER_DUMPS = `
  select a.pid, a.usename as role, a.application_name as application,
    to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF') as since, '{}'::text[] as relations
  from pg_stat_activity a
  where a.datname = current_database() and a.application_name = 'pg_dump' order by a.pid`;

async function readInvalidIndexes(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where not i.indisvalid and c.relkind = 'i' and n.nspname !~ '^pg_' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** A managed server may keep it to itself. */
async function readSystemIdentifier(session: Session): Promise<string | null> {
  const [may] = await session.query<{ may: boolean }>(
    `select has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') as may`,
  );
  if (may?.may !== true) return null;
  const [row] = await session.query<{ id: string }>('select system_identifier::text as id from pg_control_system()');
  return row?.id ?? null;
}

async function readLedgerHead(session: Session, { schema, table }: LedgerName): Promise<LedgerHead | null> {
  const [found] = await session.query<{ readable: boolean }>(
    `select has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE') as readable
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind = 'r'
       and 4 = (select count(*) from pg_attribute a
         where a.attrelid = c.oid and a.attname in ('file', 'checksum', 'sequence', 'state') and not a.attisdropped)`,
    [schema, table],
  );
  if (found?.readable !== true) return null;
  const [head] = await session.query<LedgerHead>(
    `select file, checksum, (count(*) over ())::integer as applied
     from ${quoteQualified(schema, table)} where state = 'applied' order by sequence desc limit 1`,
  );
  return head ?? null;
}
