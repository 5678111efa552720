import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { backendPid } from '../postgres/pooler.ts';
import type { Session } from '../postgres/session.ts';
import type { LedgerName } from './ledger.ts';

/** First key of the advisory locks: "AISH" and "AISW" in ASCII, so that they are recognised in pg_locks. */
const RUN_LOCK = 0x41495348;
const WORK_LOCK = 0x41495357;
/** Polling does not block CREATE INDEX CONCURRENTLY, which waits for every waiter of a blocking lock (40P01). */
const POLL_MS = 200;

/** Another session that holds the lock. */
export interface Holder {
  readonly pid: number;
  readonly role: string | null;
  readonly application: string | null;
  readonly address: string | null;
  readonly since: string | null;
}

export interface WaitOptions {
  /** Milliseconds to wait for another runner; 0 asks once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told once, when the wait begins. */
  readonly onWait: (holders: readonly Holder[]) => void;
}

/**
 * The lock of one ledger. It is held twice: by a connection of its own that does nothing else (so no statement of a
 * migration can release it), and by the working session, which outlives a killed client until its statement ends.
 */
export class MigrationLock {
  readonly #guard: Session;
  readonly #key: number;
  /** Server process of the working session. */
  readonly workPid: number;

  private constructor(guard: Session, key: number, workPid: number) {
    this.#guard = guard;
    this.#key = key;
    this.workPid = workPid;
  }

  /** @throws AishaError (lock) when another runner keeps it longer than `waitMs` */
  static async acquire(
    guard: Session,
    work: Session,
    ledger: LedgerName,
    options: WaitOptions,
  ): Promise<MigrationLock> {
    const key = keyOf(ledger);
    await poll(guard, RUN_LOCK, key, options);
    await poll(work, WORK_LOCK, key, options);
    return new MigrationLock(guard, key, await backendPid(work));
  }

  /** The connection that holds the lock: idle, and therefore free to look after the one that works. */
  get guard(): Session {
    return this.#guard;
  }

  /**
   * SQL condition, true while the lock is ours: the working session still has its own, and nobody gets the other one,
   * because the guard keeps it. Asking pg_locks instead costs as much as everything else about a small file.
   */
  get fence(): string {
    return `pg_catalog.pg_try_advisory_lock(${WORK_LOCK}, ${this.#key}) and not pg_catalog.pg_try_advisory_xact_lock_shared(${RUN_LOCK}, ${this.#key})`;
  }

  /** Ends the working session by another one; true as long as the server still had it. */
  async endWork(session: Session): Promise<boolean> {
    const holders = await holdersOf(session, WORK_LOCK, this.#key);
    if (!holders.some(({ pid }) => pid === this.workPid)) return false;
    await session.query('select pg_catalog.pg_terminate_backend($1)', [this.workPid]);
    return true;
  }

  /** SQL expressions that drop every session-level advisory lock but ours. */
  get resetSql(): string {
    return `pg_catalog.pg_advisory_unlock_all(), pg_catalog.pg_try_advisory_lock(${WORK_LOCK}, ${this.#key})`;
  }
}

async function poll(session: Session, lock: number, key: number, options: WaitOptions): Promise<void> {
  const deadline = Date.now() + options.waitMs;
  let told = false;
  for (;;) {
    const [row] = await session.query<{ got: boolean }>('select pg_catalog.pg_try_advisory_lock($1, $2) as got', [
      lock,
      key,
    ]);
    if (row?.got) return;
    const holders = await holdersOf(session, lock, key);
    if (Date.now() >= deadline) throw notAcquired(holders, options.waitMs);
    if (!told && holders.length > 0) {
      options.onWait(holders);
      told = true;
    }
    await sleep(Math.min(POLL_MS, Math.max(1, deadline - Date.now())), undefined, { signal: options.signal }).catch(
      () => {
        throw new AishaError('interrupted', 'interrupted while waiting for the migration lock');
      },
    );
  }
}

function notAcquired(holders: readonly Holder[], waitMs: number): AishaError {
  return new AishaError('lock', 'another run holds the migration lock', {
    details: holders.map((h) => `held by ${describeHolder(h)}`),
    hint:
      waitMs === 0
        ? 'Wait for it to end, or let this run wait: --lock-wait 5min.'
        : 'Wait for it to end and run again, or wait longer: --lock-wait 10min. A run that hangs is ended with: select pg_terminate_backend(PID).',
  });
}

/** `pid 42, role app, aisha-db migrate me@host, from 10.0.0.7, since 2026-11-22 14:30:00+00`. */
export function describeHolder(holder: Holder): string {
  const parts = [
    `pid ${holder.pid}`,
    holder.role && `role ${holder.role}`,
    holder.application,
    holder.address && `from ${holder.address}`,
    holder.since && `since ${holder.since}`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** Who migrates now, in one line; nothing when nobody does. */
export async function runningMigration(session: Session, ledger: LedgerName): Promise<string | undefined> {
  const key = keyOf(ledger);
  const holders = [...(await holdersOf(session, RUN_LOCK, key)), ...(await holdersOf(session, WORK_LOCK, key))];
  return holders[0] && describeHolder(holders[0]);
}

async function holdersOf(session: Session, lock: number, key: number): Promise<Holder[]> {
  return session.query<Holder>(
    `select l.pid, a.usename as role, nullif(a.application_name, '') as application,
            pg_catalog.host(a.client_addr) as address, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSTZH') as since
       from pg_catalog.pg_locks l
       left join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())`,
    [lock, key],
  );
}

/** Second key: the ledger. Advisory locks are per database already (PostgreSQL docs 13.3.5). */
function keyOf(ledger: LedgerName): number {
  return createHash('sha256').update(`${ledger.schema}\0${ledger.table}`).digest().readUInt32BE(0) & 0x7fffffff;
}
