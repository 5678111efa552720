import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError, messageOf } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import {
  openAdmin,
  type RestoreOptions,
  type RestoreOutcome,
  type RestoreWorld,
  restoreDatabase,
  targetOf,
} from './restore.ts';
import { readMark } from './restore-mark.ts';
import { notEqual } from './restore-report.ts';
import type { StoredBackup } from './store.ts';
import {
  type DatabaseGrant,
  type DatabaseSetting,
  type DatabaseShell,
  type SwapNames,
  swapNames,
  swapSql,
} from './swap-plan.ts';

export interface SwapOptions extends Omit<RestoreOptions, 'mark'> {
  /**
   * Asked before sessions of the database are ended; called only when there are some.
   * @throws to leave everything as it is
   */
  readonly mayEnd: (sessions: readonly string[]) => Promise<void>;
}

export interface SwapOutcome {
  readonly names: SwapNames;
  /** `undefined` when an earlier run had restored the copy, whole and compared. */
  readonly restored: RestoreOutcome | undefined;
  /** Sessions that were ended, for people. */
  readonly ended: readonly string[];
}

/** What a swap finds, and what stands against it. */
export interface SwapPreview {
  readonly names: SwapNames;
  readonly sessions: readonly string[];
  /** A copy that an earlier run restored whole, so that only the swap is left to do. */
  readonly isReady: boolean;
  readonly warnings: readonly string[];
}

/**
 * Restores a backup beside the database of `target`, then lets the copy take its place; the database that was there is
 * kept under another name. Both renames are one transaction, so that a kill leaves the one or the other. Who connects
 * meanwhile waits, and is refused when the database has gone: there is no moment in which a session gets in.
 * @throws AishaError (backup) when the copy is not what was backed up; (lock) when sessions stay; as `restoreDatabase`
 */
export async function restoreAndSwap(
  backup: StoredBackup,
  target: Target,
  world: RestoreWorld,
  options: SwapOptions,
): Promise<SwapOutcome> {
  const preview = await previewSwap(backup, target, world);
  for (const warning of preview.warnings) world.warn(`warning: ${warning}`);
  const { names } = preview;
  const mark = { state: 'ready', backup: backup.manifest.id, replaces: names.current } as const;
  if (preview.isReady) world.info(`${names.beside} was restored by an earlier run and is whole: going on from there`);
  const restored = preview.isReady
    ? undefined
    : await restoreDatabase(backup, targetOf(target, names.beside), world, { ...options, mark });
  if (restored !== undefined && restored.differences.length > 0) throw notEqual(names.beside, restored.differences);
  return withAdmin(target, world.signal, async (admin) => {
    const shell = await readShell(admin, names.current);
    const sessions = await sessionsOf(admin, names.current);
    if (sessions.length > 0) await options.mayEnd(sessions.map(({ line }) => line));
    world.signal.throwIfAborted();
    const note = `aisha-db: what ${names.current} was until ${backup.manifest.id} took its place on ${new Date().toISOString()}`;
    const ended = await swap(target, names, swapSql(names, shell, note), admin, world.signal);
    return { names, restored, ended };
  });
}

/** Looks at what `restoreAndSwap` would do; nothing is written. */
export async function previewSwap(
  backup: StoredBackup,
  target: Target,
  world: Pick<RestoreWorld, 'signal'>,
): Promise<SwapPreview> {
  const names = swapNames(target.database, Date.now());
  return withAdmin(target, world.signal, async (admin) => {
    const [current] = await admin.query('select from pg_catalog.pg_database where datname = $1', [names.current]);
    if (current === undefined) throw nothingToSwap(names.current);
    const [beside] = await admin.query<{ comment: string | null }>(
      `select pg_catalog.shobj_description(oid, 'pg_database') as comment from pg_catalog.pg_database where datname = $1`,
      [names.beside],
    );
    const mark = readMark(beside?.comment ?? null);
    const slots = await admin.query<{ name: string }>(
      `select slot_name as name from pg_catalog.pg_replication_slots where database = $1 order by 1`,
      [names.current],
    );
    return {
      names,
      sessions: (await sessionsOf(admin, names.current)).map(({ line }) => line),
      isReady: mark?.state === 'ready' && mark.backup === backup.manifest.id && mark.replaces === names.current,
      warnings: slots.map(
        ({ name }) => `the replication slot ${name} stays with ${names.kept}: what reads it has to begin anew`,
      ),
    };
  });
}

function nothingToSwap(name: string): AishaError {
  return new AishaError('usage', `there is no database ${name} whose place could be taken`, {
    hint: `Restore it by its name: --into ${name}.`,
  });
}

async function withAdmin<T>(target: Target, signal: AbortSignal, use: (admin: Session) => Promise<T>): Promise<T> {
  const admin = await openAdmin(target, [], 'aisha-db restore swap', signal);
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

interface OpenSession {
  readonly pid: number;
  readonly line: string;
}

function sessionsOf(admin: Session, database: string): Promise<OpenSession[]> {
  return admin.query<OpenSession>(
    `select a.pid, pg_catalog.format('pid %s, role %s, %s, since %s', a.pid, a.usename,
       coalesce(nullif(a.application_name, ''), a.backend_type), pg_catalog.to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF')) as line
     from pg_catalog.pg_stat_activity a where a.datname = $1 and a.backend_type <> 'autovacuum worker' order by a.pid`,
    [database],
  );
}

async function readShell(admin: Session, database: string): Promise<DatabaseShell> {
  const [row] = await admin.query<Pick<DatabaseShell, 'owner' | 'connectionLimit'>>(
    `select pg_catalog.pg_get_userbyid(datdba)::text as owner, datconnlimit as "connectionLimit"
     from pg_catalog.pg_database where datname = $1`,
    [database],
  );
  const grants = await admin.query<DatabaseGrant>(
    `select case g.grantee when 0 then null else pg_catalog.pg_get_userbyid(g.grantee)::text end as role,
       g.privilege_type as privilege, g.is_grantable as grantable
     from pg_catalog.pg_database d,
       pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) g
     where d.datname = $1 and g.grantee <> d.datdba`,
    [database],
  );
  const settings = await admin.query<DatabaseSetting>(
    `select case s.setrole when 0 then null else pg_catalog.pg_get_userbyid(s.setrole)::text end as role, c.text
     from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase
     cross join lateral unnest(s.setconfig) c(text) where d.datname = $1`,
    [database],
  );
  return { ...row!, grants, settings };
}

/** A rename waits so long for sessions to go, by itself (CountOtherDBBackends: 5 s). */
const LOCK_TIMEOUT = '10s';
const END_AGAIN_MS = 100;

/**
 * The rename takes the lock that every new session needs, then waits for those that are there, which are ended
 * meanwhile: a pool that connects again at once does not get in between.
 */
async function swap(
  target: Target,
  names: SwapNames,
  statements: readonly string[],
  admin: Session,
  signal: AbortSignal,
): Promise<string[]> {
  const renamer = await openAdmin(target, [], 'aisha-db restore swap', signal);
  const ended = new Map<number, string>();
  let isDone = false;
  const ending = (async () => {
    while (!isDone) {
      for (const { pid, line } of await sessionsOf(admin, names.current))
        if (await end(admin, pid)) ended.set(pid, line);
      for (const { pid } of await sessionsOf(admin, names.beside)) await end(admin, pid);
      await sleep(END_AGAIN_MS);
    }
  })();
  try {
    await renamer.query('begin');
    await renamer.query(`select pg_catalog.set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
    for (const statement of statements) await renamer.query(statement);
    await renamer.query('commit');
    return [...ended.values()];
  } catch (error) {
    await renamer.undo().catch(() => {});
    throw await notSwapped(names, error, admin);
  } finally {
    isDone = true;
    await ending.catch(() => {});
    await renamer.close();
  }
}

/** False when it is not ours to end: the rename will say so. */
async function end(admin: Session, pid: number): Promise<boolean> {
  try {
    const [row] = await admin.query<{ ended: boolean }>('select pg_catalog.pg_terminate_backend($1) as ended', [pid]);
    return row?.ended === true;
  } catch {
    return false;
  }
}

async function notSwapped(names: SwapNames, error: unknown, admin: Session): Promise<AishaError> {
  const left = await sessionsOf(admin, names.current).catch(() => []);
  return new AishaError('lock', `${names.current} could not be renamed: ${messageOf(error)}`, {
    cause: error,
    details: left.map(({ line }) => `still connected: ${line}`),
    hint: `Nothing was changed, and the copy is ready as ${names.beside}: end what is connected and run the same command again.`,
  });
}
