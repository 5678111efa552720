import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { AishaError, messageOf } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import { readCatalog } from './catalog.ts';
import { compareCatalogs, type Difference } from './compare.ts';
import { compareRestored, readStoredCatalog } from './compare-restored.ts';
import { type BackupWorld, toolsFor } from './create.ts';
import { clearLeftovers } from './leftovers.ts';
import { loadRows } from './load-rows.ts';
import { withCreationRights } from './owner-rights.ts';
import { readDump } from './pg-restore.ts';
import { readRestoreFacts } from './read-restore-facts.ts';
import { type Kept, outside, replaceParts } from './replace-plan.ts';
import { type RestoreOptions, type RestoreOutcome, type RestorePreview, refuseDamage } from './restore.ts';
import { creatorsInPublic, planRestore, type RestorePlan } from './restore-plan.ts';
import { refusal } from './restore-report.ts';
import { withContent } from './sealed-files.ts';
import { openReader } from './snapshot-session.ts';
import { beginRun, endRun, openStore, type StoredBackup } from './store.ts';

export interface ReplaceOptions extends Pick<RestoreOptions, 'skipMissingExtensions'> {
  /** Milliseconds to wait for the lock on each table; 0 waits for ever. */
  readonly lockTimeoutMs: number;
}

/** Whether a restore may make a second database on that server. */
export async function mayCreateDatabase(target: Target, { signal }: Pick<BackupWorld, 'signal'>): Promise<boolean> {
  const session = await openReader(target, 'aisha-db restore', signal);
  try {
    const [role] = await session.query<{ may: boolean }>(
      'select rolsuper or rolcreatedb as may from pg_catalog.pg_roles where rolname = current_user',
    );
    return role?.may === true;
  } finally {
    await session.close();
  }
}

/**
 * Puts a backup in the place of what a database holds, in one transaction and without a second database: everything
 * that the backup could hold is locked and compared with the safety backup, dropped, restored and compared, and only
 * then committed. Whatever goes wrong, a kill included, leaves the database as it was. What lies in schemas that the
 * backup leaves out has to be the same before and after.
 * @param safety a proved backup of what is there now
 * @throws AishaError (backup) with what stands against it or differs; (lock) when a table stays locked
 */
export async function replaceContent(
  backup: StoredBackup,
  safety: StoredBackup,
  target: Target,
  world: BackupWorld,
  options: ReplaceOptions,
): Promise<RestoreOutcome> {
  await refuseDamage(backup, world);
  const readSafety = (use: (opened: StoredBackup) => Promise<RestoreOutcome>) =>
    withContent(safety, world, use, 'catalog');
  return withContent(backup, world, (opened) =>
    readSafety((before) =>
      withSession(opened, target, world, async (session, applicationName) => {
        const { plan, facts, tools } = await inspect(opened, target, session, applicationName, world, options);
        if (plan.problems.length > 0) throw refusal(plan.problems, 'nothing was restored');
        for (const warning of plan.warnings) world.warn(`warning: ${warning}`);
        const work = { backup: opened, before, session, plan, tools, superuser: facts.role.superuser };
        return {
          ...(await replace(work, world, options)),
          database: target.database,
          serverVersion: facts.serverVersion,
        };
      }),
    ),
  );
}

/** What `replaceContent` would do, and what stands against it; nothing is written. */
export async function previewReplace(
  backup: StoredBackup,
  target: Target,
  world: BackupWorld,
  options: Pick<ReplaceOptions, 'skipMissingExtensions'>,
): Promise<RestorePreview> {
  const look = (opened: StoredBackup) =>
    withSession(opened, target, world, (session, applicationName) =>
      inspect(opened, target, session, applicationName, world, options),
    );
  return withContent(backup, world, look, 'catalog');
}

async function withSession<T>(
  { manifest }: StoredBackup,
  target: Target,
  world: BackupWorld,
  use: (session: Session, applicationName: string) => Promise<T>,
): Promise<T> {
  refusePoolerAddress(target);
  const applicationName = `aisha-db restore ${randomBytes(6).toString('hex')}`;
  const id = applicationName.replaceAll(' ', '-');
  const session = await openReader(target, applicationName, world.signal);
  const onAbort = (): void => session.destroy();
  world.signal.addEventListener('abort', onAbort, { once: true });
  try {
    openStore(world.store);
    for (const line of await clearLeftovers(world.store, session)) world.warn(line);
    beginRun(world.store, { id, class: manifest.class, database: '', applicationName, uses: manifest.id });
    return await use(session, applicationName);
  } catch (error) {
    world.signal.throwIfAborted();
    throw error;
  } finally {
    world.signal.removeEventListener('abort', onAbort);
    endRun(world.store, id);
    await session.close();
  }
}

async function inspect(
  backup: StoredBackup,
  target: Target,
  session: Session,
  applicationName: string,
  world: BackupWorld,
  { skipMissingExtensions = false }: Pick<ReplaceOptions, 'skipMissingExtensions'>,
): Promise<RestorePreview> {
  const facts = await readRestoreFacts(session, target, applicationName, world.signal);
  world.connected(facts.serverVersion);
  const { manifest } = backup;
  const tools = toolsFor(Number.parseInt(manifest.pgDumpVersion, 10), world);
  const request = { database: target.database, jobs: 1, skipMissingExtensions, replaces: true };
  const machine = { cpus: availableParallelism() };
  const plan = planRestore(request, manifest, readStoredCatalog(backup), facts, machine);
  const problems = [
    ...(manifest.kind === 'full' ? [] : [NOT_FULL]),
    ...plan.problems,
    ...plan.roles.map(({ name }) => ({
      message: `the role ${name} is missing`,
      hint: 'Have it made first: create role NAME nologin.',
    })),
  ];
  return { plan: { ...plan, problems }, facts, tools };
}

const NOT_FULL = {
  message: 'the backup does not hold the rows of every table',
  hint: 'Choose a full one: aisha-db backup list. Single tables come back with --table.',
};

interface Work {
  readonly backup: StoredBackup;
  /** What is there now, as it was backed up. */
  readonly before: StoredBackup;
  readonly session: Session;
  readonly plan: RestorePlan;
  readonly tools: ClientTools;
  readonly superuser: boolean;
}

async function replace(
  work: Work,
  world: BackupWorld,
  { lockTimeoutMs }: ReplaceOptions,
): Promise<Omit<RestoreOutcome, 'database' | 'serverVersion'>> {
  const { session, backup, before, plan } = work;
  const { manifest } = backup;
  const startedAt = performance.now();
  try {
    await session.query('begin');
    await session.query(`select pg_catalog.set_config('lock_timeout', $1, true)`, [String(lockTimeoutMs)]);
    await lockTables(session, manifest.excludedSchemas);
    await refuseNewer(before, session, world);
    const around = outside(await readCatalog(session, []), manifest);
    world.info(`replacing what ${session.target.database} holds by ${manifest.id}`);
    const kept = await dropContent(
      session,
      manifest.excludedSchemas,
      manifest.extensions.map(({ name }) => name),
    );
    const build = () => restoreParts(work, kept, world);
    if (work.superuser) await build();
    else {
      const creators = creatorsInPublic(readStoredCatalog(backup), plan.owners);
      await withCreationRights(session, plan.owners, creators, build);
    }
    world.info('comparing with what was backed up');
    const differences = [
      ...(await compareRestored(session, backup, plan.omissions, world.progress)),
      ...compareCatalogs(around, outside(await readCatalog(session, []), manifest)),
    ];
    if (differences.length > 0) throw notTheSame(session.target.database, differences);
    await session.query('commit');
  } catch (error) {
    world.signal.throwIfAborted();
    await session.undo().catch(() => {});
    throw asRefusal(session.target.database, error);
  }
  const notRestored = plan.omissions.extensions.map(({ name }) => `extension ${name}, which the server does not have`);
  const restoreMs = Math.round(performance.now() - startedAt);
  return { created: false, restoreMs, rolesCreated: [], notRestored, differences: [] };
}

/** Nobody writes any more from here on; who reads waits. */
async function lockTables(session: Session, excludedSchemas: readonly string[]): Promise<void> {
  const tables = await session.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname <> all ($1)
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_catalog.pg_depend x
         where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')
     order by c.oid`,
    [excludedSchemas],
  );
  for (const { schema, name } of tables) {
    await session.query(`lock table only ${quoteQualified(schema, name)} in access exclusive mode`);
  }
}

/** What was written after the safety backup would be in no backup. */
async function refuseNewer(before: StoredBackup, session: Session, world: BackupWorld): Promise<void> {
  world.info(`comparing what is there with ${before.manifest.id}`);
  const none = { extensions: [], foreignKeys: [] };
  const differences = await compareRestored(session, before, none, world.progress);
  if (differences.length === 0) return;
  throw new AishaError('backup', `${session.target.database} was written to after ${before.manifest.id} was taken`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Nothing was changed. Stop what writes to it, and run again.',
  });
}

/** Drops all that the backup could hold; what belongs to extensions stays, and so do the schemas that hold such things. */
async function dropContent(
  session: Session,
  excludedSchemas: readonly string[],
  extensions: readonly string[],
): Promise<Kept> {
  const run = async (sql: string, params: readonly unknown[]): Promise<void> => {
    for (const { statement } of await session.query<{ statement: string }>(sql, params)) await session.query(statement);
  };
  await run(DROP_EXTENSIONS, [extensions]);
  for (const sql of [DROP_SCHEMAS, DROP_RELATIONS, DROP_ROUTINES, DROP_TYPES]) await run(sql, [excludedSchemas]);
  for (const sql of [DROP_PUBLICATIONS, RESET_DEFAULTS]) await run(sql, []);
  await run(RESET_SCHEMA_GRANTS, [excludedSchemas]);
  await session.query('select pg_catalog.lo_unlink(oid) from pg_catalog.pg_largeobject_metadata');
  const schemas = await session.query<{ name: string }>(
    `select n.nspname as name from pg_catalog.pg_namespace n where ${OF_USERS} and n.nspname <> all ($1)`,
    [excludedSchemas],
  );
  const there = await session.query<{ name: string }>('select extname as name from pg_catalog.pg_extension');
  const foreign = await session.query<{ name: string }>(
    `select r.rolname as name from pg_catalog.pg_roles r where not pg_catalog.pg_has_role(r.oid, 'MEMBER')`,
  );
  const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
  return { schemas: names(schemas), extensions: names(there), foreignRoles: names(foreign) };
}

async function restoreParts({ backup, session, tools, plan }: Work, kept: Kept, world: BackupWorld): Promise<void> {
  await readDump(backup, tools, world, async (dump) => {
    const left = plan.omissions.extensions.map(({ name }) => `EXTENSION - ${name} `);
    const list = dump.list
      .split('\n')
      .filter((line) => !left.some((entry) => line.includes(entry)))
      .join('\n');
    const { rest, rows, unclear } = replaceParts(list, backup.manifest, kept);
    const [first] = unclear;
    if (first !== undefined) {
      throw new AishaError('backup', `the dump does not tell where the rows of ${first.schema}.${first.name} are`, {
        hint: 'Nothing was changed. Restore the backup into a new database with --into.',
      });
    }
    const run = async (sql: string): Promise<void> => {
      const { error } = await session.script([sql]);
      if (error !== undefined) throw error;
    };
    await run(await dump.section('pre-data', rest));
    for (const { table, line } of rows) {
      const name = quoteQualified(table.schema, table.name);
      const into = { session, name, expected: table.rows, prepare: async () => {}, progress: world.progress };
      await dump.rows(line, async (script) => {
        await loadRows(script, into);
      });
    }
    await dump.data(rest, run);
    await run(await dump.section('post-data', rest));
  });
}

function notTheSame(database: string, differences: readonly Difference[]): AishaError {
  return new AishaError('backup', `${database} would not be what was backed up`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Nothing was changed: it was one transaction. Restore the backup into a database of its own (--into), or bring single tables back (--table).',
  });
}

function asRefusal(database: string, error: unknown): AishaError {
  if (error instanceof AishaError) return error;
  const { code } = error as { readonly code?: string };
  const isLocked = code === SQLSTATE.lockNotAvailable;
  return new AishaError(isLocked ? 'lock' : 'backup', `${database} cannot be replaced: ${messageOf(error)}`, {
    cause: error,
    ...(code === undefined ? {} : { sqlState: code }),
    hint: isLocked
      ? 'Nothing was changed: stop what uses the table, or wait longer with --lock-timeout, and run again.'
      : 'Nothing was changed: it was one transaction. Mend what it says, or restore into a database of its own (--into).',
  });
}

// ── what is dropped ─────────────────────────────────────────────────────────────────────────────────────────────────

const notOfExtension = (catalog: string, oid: string) =>
  `not exists (select from pg_catalog.pg_depend x
     where x.classid = 'pg_catalog.${catalog}'::regclass and x.objid = ${oid} and x.deptype = 'e')`;

const OF_USERS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and ${notOfExtension('pg_namespace', 'n.oid')}`;

/** Extensions that were made after the backup. */
const DROP_EXTENSIONS = `
  select pg_catalog.format('drop extension if exists %I cascade', e.extname) as statement
  from pg_catalog.pg_extension e where e.extname <> all ($1) and e.extname <> 'plpgsql'`;

/** A schema that holds something of an extension stays, and so does public, which nobody may own. */
const DROP_SCHEMAS = `
  select pg_catalog.format('drop schema if exists %I cascade', n.nspname) as statement
  from pg_catalog.pg_namespace n
  where ${OF_USERS} and n.nspname <> 'public' and n.nspname <> all ($1)
    and not exists (select from pg_catalog.pg_depend d join pg_catalog.pg_depend e on e.classid = d.classid and e.objid = d.objid
      where d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.refobjid = n.oid and e.deptype = 'e')
    and not exists (select from pg_catalog.pg_extension e where e.extnamespace = n.oid)`;

/** Tables first: sequences of identity columns go with them. */
const DROP_RELATIONS = `
  select pg_catalog.format('drop %s if exists %I.%I cascade', case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
    when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end, n.nspname, c.relname) as statement
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where ${OF_USERS} and n.nspname <> all ($1) and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and ${notOfExtension('pg_class', 'c.oid')}
  order by c.relkind = 'S', c.oid`;

const DROP_ROUTINES = `
  select pg_catalog.format('drop routine if exists %s cascade', p.oid::regprocedure) as statement
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where ${OF_USERS} and n.nspname <> all ($1) and ${notOfExtension('pg_proc', 'p.oid')} order by p.oid`;

const DROP_TYPES = `
  select pg_catalog.format('drop type if exists %I.%I cascade', n.nspname, t.typname) as statement
  from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  where ${OF_USERS} and n.nspname <> all ($1) and t.typtype in ('b', 'c', 'd', 'e', 'r') and t.typcategory <> 'A'
    and (t.typtype <> 'c' or c.relkind = 'c') and ${notOfExtension('pg_type', 't.oid')} order by t.oid`;

const DROP_PUBLICATIONS = `
  select pg_catalog.format('drop publication if exists %I', p.pubname) as statement
  from pg_catalog.pg_publication p where ${notOfExtension('pg_publication', 'p.oid')}`;

const TYPES = `case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'routines'
  when 'T' then 'types' when 'n' then 'schemas' end`;

/**
 * Default privileges would grant what the backup does not: they come back with it. Everybody may use functions and
 * types by default, which only default privileges of no schema can take away.
 */
const RESET_DEFAULTS = `
  select pg_catalog.format('alter default privileges for role %I %s %s', pg_catalog.pg_get_userbyid(d.defaclrole),
    case when n.oid is null then '' else pg_catalog.format('in schema %I', n.nspname) end, change) as statement
  from pg_catalog.pg_default_acl d left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
  cross join lateral (
    select pg_catalog.format('revoke all on %s from %s', ${TYPES},
      case g.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end) as change
    from pg_catalog.aclexplode(d.defaclacl) g
    where g.grantee <> d.defaclrole and not (g.grantee = 0 and n.oid is null and d.defaclobjtype in ('f', 'T'))
    union
    select pg_catalog.format('grant %s on %s to public', case d.defaclobjtype when 'f' then 'execute' else 'usage' end, ${TYPES})
    where n.oid is null and d.defaclobjtype in ('f', 'T')
  ) changes
  where d.defaclobjtype in ('r', 'S', 'f', 'T', 'n') and pg_catalog.pg_has_role(d.defaclrole, 'MEMBER')`;

/** Of schemas that stay: back to what they had when they were made, which is what a dump's grants begin from. */
const RESET_SCHEMA_GRANTS = `
  select statement from (
    select 1 as step, pg_catalog.format('revoke all on schema %I from %s cascade', n.nspname, case g.grantee when 0 then 'public'
      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end) as statement
    from pg_catalog.pg_namespace n cross join lateral pg_catalog.aclexplode(n.nspacl) g
    where ${OF_USERS} and n.nspname <> all ($1) and g.grantee <> n.nspowner and pg_catalog.pg_has_role(n.nspowner, 'USAGE')
    union
    select 2, pg_catalog.format('grant %s on schema %I to %s', g.privilege_type, n.nspname, case g.grantee when 0 then 'public'
      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end)
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_init_privs i on i.classoid = 'pg_catalog.pg_namespace'::regclass and i.objoid = n.oid
    cross join lateral pg_catalog.aclexplode(i.initprivs) g
    where ${OF_USERS} and n.nspname <> all ($1) and g.grantee <> n.nspowner and pg_catalog.pg_has_role(n.nspowner, 'USAGE')
  ) statements order by step`;
