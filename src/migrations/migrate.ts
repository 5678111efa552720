import type { AishaError } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import type { Target } from '../postgres/target.ts';
import { listFolder, type MigrationFolder, readFiles } from './files.ts';
import type { Gate } from './gate.ts';
import { type LedgerFacts, readLedger } from './ledger.ts';
import type { LockOptions } from './lock-run.ts';
import { type MigrationSource, openSession, type RunHooks, reading, refuseForeignLedger } from './open.ts';
import { type MigrationPlan, type PlanEntry, type PlanOptions, planMigrations } from './plan.ts';
import { refusal } from './refusal.ts';
import type { SafeguardOptions } from './safeguard.ts';
import type { Script, Settled } from './script.ts';

export interface MigrateOptions extends Omit<PlanOptions, 'tests'>, LockOptions, SafeguardOptions {
  /** Session settings for every file. */
  readonly settings: Readonly<Record<string, string>>;
  /** What judges the files; called when there is something to apply. */
  readonly openGate?: (() => Promise<Gate | undefined>) | undefined;
  /** Asked with the files that are about to run, before the lock is taken; throws to stop. */
  readonly permit?: (files: readonly PlanEntry[]) => Promise<void>;
}

/** What a run knows before it changes anything. */
export interface Preflight {
  readonly folder: MigrationFolder;
  readonly ledger: LedgerFacts;
  /** With every problem and warning that the content of pending files gives. */
  readonly plan: MigrationPlan;
  /** How each pending file is run, in words. */
  readonly modes: ReadonlyMap<string, string>;
  /** What need not be found out again when a file is applied. */
  readonly settled: ReadonlyMap<string, Settled>;
  /** Files that are still in memory. */
  readonly kept: ReadonlyMap<string, Script>;
  /** Pending files that end in ROLLBACK. */
  readonly tests: ReadonlySet<string>;
}

export interface MigrateResult {
  readonly preflight: Preflight;
  /** Every file, with what became of it. */
  readonly entries: readonly PlanEntry[];
  readonly applied: number;
  readonly error: AishaError | undefined;
  /** With what it noticed. */
  readonly gate?: Gate | undefined;
  /** Identifier of the backup that was taken before the first file. */
  readonly backupId?: string | undefined;
}

/** Plan, preflight, lock, apply, record. */
export async function migrate(
  source: MigrationSource,
  target: Target,
  options: MigrateOptions,
  hooks: RunHooks,
): Promise<MigrateResult> {
  refusePoolerAddress(target);
  const listing = listFolder(source.dir);
  const work = await openSession(target, 'aisha-db migrate', options.settings, hooks);
  try {
    const ledger = await reading(work, hooks.signal, () => readLedger(work, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const known = new Set(ledger.rows.map((row) => row.checksum));
    const folder = readFiles(listing, source.finalFrom, (checksum) => !known.has(checksum));
    const plan = planMigrations(folder.files, ledger.rows, options);
    // A changed file is read again to say how it changed.
    if (!plan.entries.some(({ run, refused, state }) => run || refused || state === 'changed')) {
      const preflight = {
        folder,
        ledger,
        plan,
        modes: new Map(),
        settled: new Map(),
        kept: new Map(),
        tests: new Set<string>(),
      };
      return { preflight, entries: plan.entries, applied: 0, error: refusal(plan.problems) };
    }
    // Most runs find nothing to do: what only the others need is not loaded for them.
    const { lookInto } = await import('./preflight.ts');
    const preflight = await lookInto(source, { folder, ledger, plan }, work, options);
    const { entries, problems } = preflight.plan;
    const stop = refusal(problems);
    if (stop || options.dryRun || !entries.some((entry) => entry.run)) {
      return { preflight, entries, applied: 0, error: stop };
    }
    await options.permit?.(entries.filter((entry) => entry.run));
    const { applyAll } = await import('./apply.ts');
    return await applyAll(source, target, work, preflight, options, hooks);
  } finally {
    await work.close();
  }
}
