import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { AvailableExtension, ExistingDatabase, RestoreFacts, ServerRole } from './restore-facts.ts';
import { openReader } from './snapshot-session.ts';

/**
 * Asks a server all that a restore is planned by.
 * @param admin in another database of the server than the one that is restored into
 * @param target the database to restore into; it need not exist
 */
export async function readRestoreFacts(
  admin: Session,
  target: Target,
  applicationName: string,
  signal: AbortSignal,
): Promise<RestoreFacts> {
  const [server] = await admin.query<ServerRow>(SERVER);
  const { versionNumber, serverVersion, publicOwner, ...role } = server!;
  return {
    serverVersion,
    serverMajor: Math.floor(versionNumber / 10_000),
    publicOwner,
    role,
    roles: await admin.query<ServerRole>(ROLES),
    extensions: await admin.query<AvailableExtension>(EXTENSIONS),
    database: await readDatabase(admin, target, applicationName, signal),
  };
}

async function readDatabase(
  admin: Session,
  target: Target,
  applicationName: string,
  signal: AbortSignal,
): Promise<ExistingDatabase | undefined> {
  const [found] = await admin.query<Omit<ExistingDatabase, 'content' | 'restoring'>>(DATABASE, [target.database]);
  if (found === undefined) return undefined;
  const restoring = await stillRestoring(admin, target.database);
  const session = await openReader(target, applicationName, signal);
  try {
    const content = await session.query<{ name: string }>(CONTENT);
    return { ...found, content: content.map(({ name }) => name), restoring };
  } finally {
    await session.close();
  }
}

/** Sessions that were told to end (those of a run that was killed) need a moment for it. */
async function stillRestoring(admin: Session, database: string): Promise<string[]> {
  for (let look = 1; ; look += 1) {
    const sessions = await admin.query<{ line: string }>(RESTORING, [database]);
    if (sessions.length === 0 || look === LOOKS) return sessions.map(({ line }) => line);
    await sleep(LOOK_MS);
  }
}

const LOOKS = 10;
const LOOK_MS = 200;

type ServerRow = RestoreFacts['role'] &
  Pick<RestoreFacts, 'serverVersion' | 'publicOwner'> & { readonly versionNumber: number };

const SERVER = `
  select current_setting('server_version_num')::integer as "versionNumber",
    current_setting('server_version') as "serverVersion",
    case when current_setting('server_version_num')::integer >= 150000 then 'pg_database_owner'
      else pg_catalog.pg_get_userbyid(10)::text end as "publicOwner", r.rolname as name, r.rolsuper as superuser,
    r.rolbypassrls as "bypassRls", r.rolcreaterole as "createRole", r.rolcreatedb as "createDatabase"
  from pg_catalog.pg_roles r where r.rolname = current_user`;

const ROLES = `
  select r.rolname::text as name, pg_catalog.pg_has_role(r.oid, 'MEMBER') as "isMember"
  from pg_catalog.pg_roles r order by r.rolname collate "C"`;

/** Supabase lets its \`postgres\` make some extensions that are not trusted, and lists them in a setting of its own. */
const EXTENSIONS = `
  select v.name::text as name, array_agg(v.version::text) as versions,
    bool_or(not v.superuser or v.trusted or (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user)
      or v.name::text = any (pg_catalog.regexp_split_to_array(
        coalesce(pg_catalog.current_setting('supautils.privileged_extensions', true), ''), '\\s*,\\s*'))) as "mayCreate"
  from pg_catalog.pg_available_extension_versions v group by v.name`;

const DATABASE = `
  select pg_catalog.pg_encoding_to_char(d.encoding) as encoding, pg_catalog.pg_has_role(d.datdba, 'USAGE') as "isOwned",
    pg_catalog.shobj_description(d.oid, 'pg_database') as comment
  from pg_catalog.pg_database d where d.datname = $1`;

const RESTORING = `
  select pg_catalog.format('pid %s, %s, since %s', a.pid, a.application_name,
    pg_catalog.to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF')) as line
  from pg_catalog.pg_stat_activity a
  where a.datname = $1 and a.application_name like 'aisha-db restore %' order by a.pid`;

/** What is in a database that was not in it when it was made; a few of it are enough to see that it is not empty. */
const CONTENT = `
  with own as (
    select n.oid, n.nspname from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (select from pg_catalog.pg_depend x
        where x.classid = 'pg_catalog.pg_namespace'::regclass and x.objid = n.oid and x.deptype = 'e')
  )
  select name from (
    select 1 as rank, pg_catalog.format('the schema %I', nspname) as name from own where nspname <> 'public'
    union all
    select 2, pg_catalog.format('%s %I.%I', case c.relkind when 'S' then 'the sequence' when 'v' then 'the view' else 'the table' end,
      own.nspname, c.relname)
    from pg_catalog.pg_class c join own on own.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and not exists (select from pg_catalog.pg_depend x
      where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')
    union all
    select 3, pg_catalog.format('the function %I.%I', own.nspname, p.proname)
    from pg_catalog.pg_proc p join own on own.oid = p.pronamespace
    where not exists (select from pg_catalog.pg_depend x
      where x.classid = 'pg_catalog.pg_proc'::regclass and x.objid = p.oid and x.deptype = 'e')
    union all
    select 4, pg_catalog.format('the type %I.%I', own.nspname, t.typname)
    from pg_catalog.pg_type t join own on own.oid = t.typnamespace
    where t.typtype in ('d', 'e', 'r') and not exists (select from pg_catalog.pg_depend x
      where x.classid = 'pg_catalog.pg_type'::regclass and x.objid = t.oid and x.deptype = 'e')
    union all
    select 5, pg_catalog.format('the large object %s', m.oid) from pg_catalog.pg_largeobject_metadata m
  ) found order by rank, name collate "C" limit 5`;
