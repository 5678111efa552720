import { backendPid } from '../postgres/pooler.ts';
import type { Session } from '../postgres/session.ts';
import { sessionSettings } from './session-settings.ts';
import type { WorkBench } from './work.ts';

/** A session that carries statements out. */
export interface Worker {
  readonly session: Session;
  readonly pid: number;
  /** Warnings of the statement in hand. */
  readonly warnings: string[];
}

/** Opens a session whose limits are those of maintenance, whatever is set for the role or the database. */
export async function openWorker(
  bench: Pick<WorkBench, 'openSession' | 'lockTimeoutMs' | 'settings'>,
): Promise<Worker> {
  const warnings: string[] = [];
  const session = await bench.openSession((line) => warnings.push(line));
  for (const { name, value, isOptional } of sessionSettings(bench.settings, bench.lockTimeoutMs))
    await session
      .query('select pg_catalog.set_config(name, $2, false) from pg_catalog.pg_settings where name = $1', [name, value])
      .catch((error) => {
        if (!isOptional) throw error;
      });
  return { session, pid: await backendPid(session), warnings };
}
