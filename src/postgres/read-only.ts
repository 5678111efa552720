import { quoteLiteral } from './quote.ts';
import type { Session } from './session.ts';

/** Limits of a transaction that only looks. */
export interface ReadLimits {
  /** For one statement, in milliseconds; 0 is no limit. */
  readonly timeoutMs: number;
  /** How long it may wait for a lock, in milliseconds. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A client that hangs between two messages must not hold back vacuum. */
const IDLE_TIMEOUT_MS = 10_000;
/** The server ends a statement by itself; after this much longer the network is thought to be gone. */
const GRACE_MS = 5_000;

/**
 * Runs `look` in a read-only transaction with limits, never in parallel, with row security off: rows that a policy hides
 * are an error and not missing unnoticed. The transaction is always undone.
 */
export async function readOnly<T>(
  session: Session,
  { timeoutMs, lockTimeoutMs, signal }: ReadLimits,
  look: () => Promise<T>,
): Promise<T> {
  const cut = (): void => session.destroy();
  const timer = timeoutMs === 0 ? undefined : setTimeout(cut, timeoutMs + GRACE_MS);
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    const { error } = await session.script([opening(timeoutMs, lockTimeoutMs)]);
    if (error !== undefined) throw error;
    return await look();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
    await session.undo();
  }
}

function opening(timeoutMs: number, lockTimeoutMs: number): string {
  const settings = {
    statement_timeout: String(timeoutMs),
    lock_timeout: String(lockTimeoutMs),
    idle_in_transaction_session_timeout: String(IDLE_TIMEOUT_MS),
    search_path: 'pg_catalog, pg_temp',
    row_security: 'off',
    timezone: 'UTC',
    jit: 'off',
    max_parallel_workers_per_gather: '0',
  };
  const set = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  return `begin transaction read only; select ${set.join(', ')}`;
}
