import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import { type ExclusiveLocks, isLocked, joinLocks, type LockedTable } from './exclusive-locks.ts';
import type { LedgerName } from './ledger.ts';
import type { Running } from './runner.ts';
import { loadGrammar } from './tree.ts';

/** What secures a run before its first file. */
export interface SafeguardOptions {
  /** Saves the database as it is, and leaves no session behind; returns the identifier of the backup. */
  readonly saveFirst?: (() => Promise<string>) | undefined;
  /** Milliseconds to wait for dumps of others. */
  readonly lockWaitMs: number;
}

/**
 * What has to be so before the first file runs, under the lock: no dump of somebody else holds a table that a file will
 * lock, and the database is saved, unless there is nothing in it.
 * @param sql the files that will run; asked for only when a dump is running
 * @throws AishaError (lock) naming the dump when it still runs after `lockWaitMs`; whatever `saveFirst` throws
 */
export async function safeguard(
  running: Running,
  sql: () => readonly string[],
  { saveFirst, lockWaitMs }: SafeguardOptions,
): Promise<Running> {
  await awaitDumps(running, sql, lockWaitMs);
  const { guard } = running.lock;
  if (saveFirst === undefined) return running;
  if (await isEmpty(guard, running.ledger)) {
    running.tell('no backup before the first file: the database has no table yet');
    return running;
  }
  for (const session of [guard, running.work]) await session.query(STAY);
  const backupId = await saveFirst();
  await awaitDumps(running, sql, lockWaitMs);
  return { ...running, backupId };
}

/** A backup takes long, and so does an answer: a role may have a limit (since PostgreSQL 14) after which idle sessions end. */
export const STAY = `select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name = 'idle_session_timeout'`;

/** Whether the database holds no row that a file could lose; the ledger has just been made. */
async function isEmpty(session: Session, ledger: LedgerName): Promise<boolean> {
  const [row] = await session.query<{ filled: boolean }>(
    `select exists (
       select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and c.relpersistence <> 't'
         and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
         and not (n.nspname = $1 and c.relname = $2)
         and not exists (select from pg_catalog.pg_depend x
           where x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and x.objid = c.oid and x.deptype = 'e')
     ) as filled`,
    [ledger.schema, ledger.table],
  );
  return row?.filled !== true;
}

// ── dumps of others ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A table that a running dump holds, and who that is. */
interface DumpedTable extends LockedTable {
  readonly pid: number;
  readonly role: string | null;
  readonly application: string;
  /** `null` for a session of another role. */
  readonly since: string | null;
}

const POLL_MS = 500;

/**
 * A statement that waits behind a dump makes every reader behind it wait, and a dump takes long: here nobody waits but
 * this run.
 */
async function awaitDumps(running: Running, sql: () => readonly string[], waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  let locks: ExclusiveLocks | undefined;
  for (let told = false; ; told = true) {
    const dumped = await dumpedTables(running.lock.guard);
    if (dumped.length === 0) return;
    locks ??= await locksOf(sql());
    const wanted = locks;
    const dumps = describeDumps(dumped.filter((table) => isLocked(table, wanted)));
    if (dumps.length === 0) return;
    if (Date.now() >= deadline) throw inTheWay(dumps);
    if (!told) for (const dump of dumps) running.tell(`waiting for a dump: ${dump}`);
    await sleep(Math.min(POLL_MS, Math.max(1, deadline - Date.now())), undefined, { signal: running.signal }).catch(
      () => {
        throw new AishaError('interrupted', 'interrupted while waiting for a dump; nothing was applied');
      },
    );
  }
}

async function locksOf(files: readonly string[]): Promise<ExclusiveLocks> {
  const grammar = await loadGrammar();
  return joinLocks(files.map((sql) => grammar.exclusiveLocks(sql)));
}

/** pg_dump holds ACCESS SHARE on each table from its start to its end; our own dumps have names of their own. */
async function dumpedTables(session: Session): Promise<DumpedTable[]> {
  return session.query<DumpedTable>(
    `select a.pid, a.usename as role, a.application_name as application,
       to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF') as since, n.nspname as schema, c.relname as name,
       array(select i.relname::text from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
         where x.indrelid = c.oid) as indexes
     from pg_catalog.pg_stat_activity a
     join pg_catalog.pg_locks l on l.pid = a.pid
     join pg_catalog.pg_class c on c.oid = l.relation
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where a.datname = pg_catalog.current_database()
       and (a.application_name = 'pg_dump' or a.application_name like 'aisha-db backup %')
       and l.locktype = 'relation' and l.granted and c.relkind in ('r', 'p') and n.nspname !~ '^pg_'
     order by a.pid, n.nspname collate "C", c.relname collate "C"`,
  );
}

const MOST_TABLES = 5;

/** `pid 42, role ops, pg_dump, since 2026-11-27 03:00:00+00, reads public.users`; one line for each session. */
function describeDumps(tables: readonly DumpedTable[]): string[] {
  const pids = [...new Set(tables.map(({ pid }) => pid))];
  return pids.map((pid) => {
    const own = tables.filter((table) => table.pid === pid);
    const { role, application, since } = own[0]!;
    const names = own.map(({ schema, name }) => `${schema}.${name}`);
    const more = names.length > MOST_TABLES ? [`${names.length - MOST_TABLES} more`] : [];
    const reads = `reads ${[...names.slice(0, MOST_TABLES), ...more].join(', ')}`;
    return [`pid ${pid}`, role && `role ${role}`, application, since && `since ${since}`, reads]
      .filter(Boolean)
      .join(', ');
  });
}

function inTheWay(dumps: readonly string[]): AishaError {
  return new AishaError('lock', 'a dump reads tables that pending files lock', {
    details: dumps,
    hint: 'Nothing was applied: every reader would have to wait behind the first file. Run again when the dump is done, or wait longer with --lock-wait 1h.',
  });
}
