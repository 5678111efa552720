import { refusePooledSessions } from '../postgres/pooler.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { ensureLedger, type LedgerFacts, readLedger } from './ledger.ts';
import { describeHolder, MigrationLock } from './lock.ts';
import { type MigrationSource, openSession, type RunHooks, reading } from './open.ts';
import type { Running, RunSettings } from './runner.ts';

/** What has to be known to lock a ledger and write to it. */
export interface LockOptions {
  /** Milliseconds to wait for another runner. */
  readonly lockWaitMs: number;
  readonly run: RunSettings;
  /** Nothing will be recorded: the ledger is not made either. */
  readonly dryRun: boolean;
}

/**
 * Takes the lock, brings the ledger up to date, reads it again, and lets `use` work.
 * @throws AishaError (lock, connection)
 */
export async function lockRun<T>(
  source: MigrationSource,
  target: Target,
  work: Session,
  options: LockOptions,
  hooks: RunHooks,
  use: (running: Running, ledger: LedgerFacts) => Promise<T>,
): Promise<T> {
  const guard = await openSession(target, lockName(options.run.appliedFrom), {}, hooks);
  try {
    await refusePooledSessions(target, guard, work);
    const lock = await MigrationLock.acquire(guard, work, source.ledger, {
      waitMs: options.lockWaitMs,
      signal: hooks.signal,
      onWait: (holders) => hooks.info(`waiting for another run: ${holders.map(describeHolder).join('; ')}`),
    });
    const ledger = await reading(work, hooks.signal, async () => {
      const facts = await readLedger(work, source.ledger);
      if (!options.dryRun) await ensureLedger(work, source.ledger, facts);
      return facts;
    });
    return await use(
      {
        work,
        lock,
        ledger: source.ledger,
        settings: options.run,
        signal: hooks.signal,
        tell: hooks.info,
        additions: { turn: 0, ahead: [] },
      },
      ledger,
    );
  } finally {
    await guard.close();
  }
}

/** Shown to whoever waits: PostgreSQL keeps 63 bytes of it. */
function lockName(appliedFrom: string): string {
  return `aisha-db lock ${appliedFrom} ${process.pid}`.slice(0, 63);
}
