import { backendPid } from '../postgres/pooler.ts';
import type { Session } from '../postgres/session.ts';
import type { WorkBench } from './work.ts';

/** A session that carries statements out. */
export interface Worker {
  readonly session: Session;
  readonly pid: number;
  /** Warnings of the statement in hand. */
  readonly warnings: string[];
}

/** How soon (ms) the server notices that the program is gone, and ends the statement (from PostgreSQL 14 on). */
const CHECK_CLIENT_MS = 5_000;

/** Opens a session whose limits are those of maintenance, whatever is set for the role or the database. */
export async function openWorker(
  bench: Pick<WorkBench, 'openSession' | 'lockTimeoutMs' | 'settings'>,
): Promise<Worker> {
  const warnings: string[] = [];
  const session = await bench.openSession((line) => warnings.push(line));
  const settings: Readonly<Record<string, string>> = {
    lock_timeout: String(bench.lockTimeoutMs),
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    vacuum_cost_delay: String(bench.settings.vacuum.costDelayMs),
    // One process at a time: the others of the server are for its users.
    max_parallel_maintenance_workers: '0',
    // Not of every version or system.
    transaction_timeout: '0',
    client_connection_check_interval: String(CHECK_CLIENT_MS),
  };
  for (const [name, value] of Object.entries(settings))
    await session
      .query('select pg_catalog.set_config(name, $2, false) from pg_catalog.pg_settings where name = $1', [name, value])
      .catch((error) => {
        if (name !== 'client_connection_check_interval') throw error;
      });
  return { session, pid: await backendPid(session), warnings };
}
