import type { MaintenanceSettings } from './settings.ts';

/** A setting of the sessions that work, and what it is for. */
export interface SessionSetting {
  readonly name: string;
  readonly value: string;
  /** `undefined` where it only undoes what a role or a database has set. */
  readonly why: string | undefined;
  /** Servers, or systems they run on, may not know it or not allow it: they work without. */
  readonly isOptional: boolean;
}

/** How soon (ms) the server notices that the program is gone, and ends the statement (from PostgreSQL 14 on). */
const CHECK_CLIENT_MS = 5_000;

/**
 * What the sessions of maintenance run with, whatever is set for the role or the database: limits, and what leaves the
 * disk and the processors to the users of the server (PostgreSQL docs 20.4.4, 20.4.5, 20.5.1).
 */
export function sessionSettings(
  { vacuum, busy, window }: Pick<MaintenanceSettings, 'vacuum' | 'busy' | 'window'>,
  lockTimeoutMs: number,
): readonly SessionSetting[] {
  const needed = (name: string, value: string, why?: string) => ({ name, value, why, isOptional: false });
  const optional = (name: string, value: string, why?: string) => ({ name, value, why, isOptional: true });
  return [
    needed('lock_timeout', `${lockTimeoutMs}ms`, 'nobody waits behind a lock of ours for longer'),
    needed('statement_timeout', '0'),
    needed('idle_in_transaction_session_timeout', '0'),
    optional('transaction_timeout', '0'),
    needed('vacuum_cost_delay', `${vacuum.costDelayMs}ms`, 'VACUUM and ANALYZE sleep so long ...'),
    needed(
      'vacuum_cost_limit',
      String(vacuum.costLimit),
      `... after so much work; after ${Math.max(vacuum.costLimit, vacuum.quietCostLimit)}, as autovacuum, while less than ${busy.transactions} transactions end in a second${window === undefined ? '' : `, and between ${window.replace('-', ' and ')}`}`,
    ),
    needed('max_parallel_maintenance_workers', '0', 'one process: the others of the server are for its users'),
    needed('synchronous_commit', 'off', 'commits of maintenance do not flush the log that others wait for'),
    optional(
      'wal_compression',
      'on',
      'less log is written and synced before the commits of others (where the role may)',
    ),
    optional('backend_flush_after', '512kB', 'what is written goes to disk in small pieces, not in one long fsync'),
    optional(
      'client_connection_check_interval',
      `${CHECK_CLIENT_MS}ms`,
      'when the program is gone, its statement ends',
    ),
  ];
}
