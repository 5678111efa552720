import { setTimeout } from 'node:timers/promises';
import { AishaError, messageOf } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type Scope, SETTING, type SlowLogFacts, type StoredValue, type Threshold } from './plan.ts';

const RELOAD_MS = 2_000;
const RELOAD_STEP_MS = 20;

/** A privilege that is missing, in the server's words. */
export type Refusal = string;

/** Reads the value of every level, and who uses this database. */
export async function readSlowLog(session: Session): Promise<SlowLogFacts> {
  const [server] = await session.query<Omit<SlowLogFacts, 'server' | 'stored' | 'roles'>>(`
    select
      pg_catalog.current_database()::text as database,
      current_user::text as role,
      pg_catalog.current_setting('server_version_num')::integer as "versionNumber",
      r.rolsuper as "isSuperuser",
      exists (select from pg_catalog.pg_roles where rolname = 'supabase_admin') as "isSupabase"
    from pg_catalog.pg_roles r
    where r.rolname = current_user
  `);
  const stored = await readStored(session);
  return {
    ...server!,
    server: await readServerValue(session, server!.isSuperuser),
    stored,
    roles: await readRoles(session, stored),
  };
}

async function readStored(session: Session): Promise<StoredValue[]> {
  const rows = await session.query<{ role: string | null; isThisDatabase: boolean; threshold: string }>(
    `select r.rolname::text as role, s.setdatabase <> 0 as "isThisDatabase",
       pg_catalog.split_part(c.text, '=', 2) as threshold
     from pg_catalog.pg_db_role_setting s
     left join pg_catalog.pg_roles r on r.oid = s.setrole
     cross join lateral pg_catalog.unnest(s.setconfig) c (text)
     where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
       and pg_catalog.split_part(c.text, '=', 1) = $1
     order by 1, 2`,
    [SETTING],
  );
  return rows.map(({ role, isThisDatabase, threshold }) => ({
    role: role ?? undefined,
    isThisDatabase,
    threshold: milliseconds(threshold),
  }));
}

/** The catalog keeps a value as it was written: `100`, `'100ms'`, `1s`. */
function milliseconds(text: string): Threshold {
  const [, amount, unit = 'ms'] = /^(-?\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?$/.exec(text.trim()) ?? [];
  const factor = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 1;
  return Math.round(Number(amount) * factor);
}

/** A database's or role's own value hides the server's, except from those who may read its files. */
async function readServerValue(session: Session, isSuperuser: boolean): Promise<Threshold | undefined> {
  const [row] = await session.query<{ setting: string; source: string; boot: string }>(
    'select setting, source, boot_val as boot from pg_catalog.pg_settings where name = $1',
    [SETTING],
  );
  if (!/^(database|user|client|session|interactive)/.test(row!.source)) return Number(row!.setting);
  if (!isSuperuser) return undefined;
  const [file] = await session.query<{ setting: string }>(
    'select setting from pg_catalog.pg_file_settings where name = $1 and applied order by seqno desc limit 1',
    [SETTING],
  );
  return milliseconds(file?.setting ?? row!.boot);
}

/** Roles that are connected, roles with a value, and this one. */
function readRoles(session: Session, stored: readonly StoredValue[]): Promise<SlowLogFacts['roles'][number][]> {
  return session.query(
    `select r.rolname::text as name, count(a.pid)::integer as sessions
     from pg_catalog.pg_roles r
     left join pg_catalog.pg_stat_activity a
       on a.usesysid = r.oid and a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid()
         and a.backend_type = 'client backend'
     where r.rolcanlogin or r.rolname = current_user
     group by r.rolname
     having count(a.pid) > 0 or r.rolname = current_user or r.rolname = any ($1::text[])
     order by sessions desc, r.rolname`,
    [stored.flatMap(({ role }) => role ?? [])],
  );
}

/**
 * Asks the server itself whether this role may make the change: what is done is rolled back. ALTER SYSTEM cannot be, so
 * its privileges are looked up.
 * @throws AishaError (usage) for a role that does not exist, (lock), (connection) for a standby
 */
export async function tryChange(session: Session, scope: Scope, statement: string): Promise<Refusal | undefined> {
  if (scope.kind === 'server') return mayAlterSystem(session);
  try {
    await session.query('begin');
    await session.query(statement);
    return undefined;
  } catch (error) {
    return refusalOf(error, scope);
  } finally {
    await session.undo();
  }
}

async function mayAlterSystem(session: Session): Promise<Refusal | undefined> {
  const [row] = await session.query<{ super: boolean; number: number; allowed: string | null; reload: boolean }>(`
    select r.rolsuper as super, pg_catalog.current_setting('server_version_num')::integer as number,
      pg_catalog.current_setting('allow_alter_system', true) as allowed,
      pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'execute') as reload
    from pg_catalog.pg_roles r where r.rolname = current_user
  `);
  if (row!.allowed === 'off') return 'ALTER SYSTEM is not allowed in this environment';
  const granted = row!.super || (row!.number >= 150_000 && (await hasParameterPrivilege(session)));
  if (!granted) return `permission denied to set parameter "${SETTING}"`;
  return row!.reload ? undefined : 'permission denied for function pg_reload_conf';
}

async function hasParameterPrivilege(session: Session): Promise<boolean> {
  const [row] = await session.query<{ granted: boolean }>(
    "select pg_catalog.has_parameter_privilege($1, 'alter system') as granted",
    [SETTING],
  );
  return row!.granted;
}

/** Makes the change. */
export async function applyChange(session: Session, scope: Scope, statement: string): Promise<Refusal | undefined> {
  try {
    await session.query(statement);
    if (scope.kind === 'server') await reload(session);
    return undefined;
  } catch (error) {
    return refusalOf(error, scope);
  }
}

/** The postmaster reads its files when it gets round to it; what is reported afterwards shall be the new value. */
async function reload(session: Session): Promise<void> {
  const loadTime = async () => {
    const [row] = await session.query<{ at: string }>('select pg_catalog.pg_conf_load_time()::text as at');
    return row!.at;
  };
  const before = await loadTime();
  await session.query('select pg_catalog.pg_reload_conf()');
  for (let waited = 0; waited < RELOAD_MS && (await loadTime()) === before; waited += RELOAD_STEP_MS) {
    await setTimeout(RELOAD_STEP_MS);
  }
}

function refusalOf(error: unknown, scope: Scope): Refusal {
  const { code } = serverError(error) ?? {};
  if (code === SQLSTATE.insufficientPrivilege) return messageOf(error);
  if (code === SQLSTATE.undefinedObject && scope.kind === 'role') {
    throw new AishaError('usage', `there is no role "${scope.role}"`, {
      hint: 'aisha-db slow-log shows the roles that use this database.',
      cause: error,
    });
  }
  if (code === SQLSTATE.readOnly) {
    throw new AishaError('connection', 'this server is read-only', {
      hint: 'A standby takes its settings of databases and roles from the primary: connect to that one.',
      cause: error,
    });
  }
  if (code === SQLSTATE.lockNotAvailable) {
    throw new AishaError('lock', 'another session is changing the settings of this database or role', {
      hint: 'Run it again.',
      cause: error,
    });
  }
  throw error;
}

/**
 * How many calls a day took at least so long on average, as pg_stat_statements knows; `undefined` where it is not there,
 * may not be read, or does not know since when it counts (before PostgreSQL 14).
 */
export async function estimateCallsADay(session: Session, threshold: Threshold): Promise<number | undefined> {
  const [extension] = await session.query<{ schema: string }>(
    `select pg_catalog.quote_ident(n.nspname) as schema
     from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
     where e.extname = 'pg_stat_statements' and pg_catalog.pg_has_role('pg_read_all_stats', 'usage')`,
  );
  if (extension === undefined || threshold < 0) return undefined;
  try {
    const [row] = await session.query<{ calls: number; days: number }>(
      `select coalesce(sum(s.calls) filter (where s.mean_exec_time >= $1), 0)::float8 as calls,
         (select extract(epoch from now() - i.stats_reset) / 86400 from ${extension.schema}.pg_stat_statements_info i)::float8
           as days
       from ${extension.schema}.pg_stat_statements s
       where s.dbid = (select oid from pg_catalog.pg_database where datname = current_database())`,
      [threshold],
    );
    // The rate of a few minutes says nothing about a day.
    return row!.days >= 0.05 ? row!.calls / row!.days : undefined;
  } catch (error) {
    if (serverError(error) === undefined) throw error;
    return undefined;
  }
}
