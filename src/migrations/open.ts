import { AishaError } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { LedgerFacts, LedgerName } from './ledger.ts';

/** Where the files are and how the ledger is called. */
export interface MigrationSource {
  readonly dir: string;
  readonly rollbacksDir: string;
  readonly finalFrom: number;
  readonly ledger: LedgerName;
}

/** What the rooms may say and ask of the run they are part of. */
export interface RunHooks {
  readonly signal: AbortSignal;
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
  /** Called once the server has answered. */
  readonly connected: (serverVersion: string) => void;
}

/** @throws AishaError (connection) */
export async function openSession(
  target: Target,
  name: string,
  settings: Readonly<Record<string, string>>,
  hooks: RunHooks,
): Promise<Session> {
  const session = await Session.open(target, {
    applicationName: name,
    settings,
    signal: hooks.signal,
    onNotice: (notice) => {
      const line = `${(notice.severity ?? 'NOTICE').toLowerCase()}: ${notice.message ?? ''}`;
      if (notice.severity === 'WARNING') hooks.warn(line);
      else hooks.info(line);
    },
  });
  const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
  hooks.connected(row!.v);
  return session;
}

/**
 * Reads, and lets go at once when the run is told to stop: whoever only reads may have to wait for a lock that somebody
 * has on the ledger, and leaves nothing behind.
 * @throws AishaError (interrupted)
 */
export async function reading<T>(session: Session, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const letGo = () => session.destroy();
  signal.throwIfAborted();
  signal.addEventListener('abort', letGo, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', letGo);
  }
}

/** @throws AishaError (plan) rather than replay everything beside a ledger that is somewhere else */
export function refuseForeignLedger(name: LedgerName, ledger: LedgerFacts): void {
  if (ledger.exists || ledger.elsewhere.length === 0) return;
  throw new AishaError(
    'plan',
    `no ledger ${name.schema}.${name.table}, but this database has one: ${ledger.elsewhere.join(', ')}`,
    {
      hint: 'Name it under "ledger" in the configuration; starting a second one would run every file again.',
    },
  );
}
