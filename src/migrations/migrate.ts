import { AishaError, messageOf } from '../errors.ts';
import { refusePooledSessions, refusePoolerAddress } from '../postgres/pooler.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { applyStatements } from './apply-statements.ts';
import { applyInTransaction } from './apply-transaction.ts';
import { checkScripts, placed } from './check-scripts.ts';
import { checksum } from './checksum.ts';
import { isFolder, type MigrationFolder, readFolder } from './files.ts';
import { checkGrammar } from './grammar-check.ts';
import { ensureLedger, type LedgerFacts, type LedgerName, type LedgerRow, readLedger, upsertSql } from './ledger.ts';
import { describeHolder, MigrationLock } from './lock.ts';
import {
  type MigrationPlan,
  type PlanEntry,
  type PlanOptions,
  type PlanProblem,
  type PlanWarning,
  planMigrations,
} from './plan.ts';
import { type Job, ledgerEntry, type Running, type RunSettings } from './runner.ts';
import { prepareScript, type Script } from './script.ts';
import { type Grammar, loadGrammar } from './tree.ts';

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

export interface MigrateOptions extends PlanOptions, LockOptions {
  /** Session settings for every file. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What a run knows before it changes anything. */
export interface Preflight {
  readonly folder: MigrationFolder;
  readonly ledger: LedgerFacts;
  readonly plan: MigrationPlan;
  readonly scripts: ReadonlyMap<string, Script>;
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly PlanWarning[];
}

export interface MigrateResult {
  readonly preflight: Preflight;
  /** Every file, with what became of it. */
  readonly entries: readonly PlanEntry[];
  readonly applied: number;
  readonly error: AishaError | undefined;
}

/** Plan, preflight, lock, apply, record. */
export async function migrate(
  source: MigrationSource,
  target: Target,
  options: MigrateOptions,
  hooks: RunHooks,
): Promise<MigrateResult> {
  refusePoolerAddress(target);
  const folder = readFolder(source.dir, source.finalFrom);
  const work = await openSession(target, 'aisha-db migrate', options.settings, hooks);
  try {
    const preflight = await lookAhead(source, folder, work, options);
    refuseForeignLedger(source.ledger, preflight.ledger);
    const stop = refusal(preflight);
    if (stop || options.dryRun || !preflight.plan.entries.some((entry) => entry.run)) {
      return { preflight, entries: preflight.plan.entries, applied: 0, error: stop };
    }
    return await applyAll(source, target, work, preflight, options, hooks);
  } finally {
    await work.close();
  }
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

/** Everything that can be known before anything is written: all problems at once. */
export async function lookAhead(
  source: MigrationSource,
  folder: MigrationFolder,
  session: Session,
  options: PlanOptions,
): Promise<Preflight> {
  const ledger = await readLedger(session, source.ledger);
  const plan = planMigrations(folder.files, ledger.rows, options);
  const running = plan.entries.filter((entry) => entry.run);
  const grammar = once(loadGrammar);
  const prepared = await prepareAll(folder, running, grammar);
  const scripts = [...prepared.scripts.values()];
  const checked = checkScripts(scripts, knownFiles(source, folder), source.finalFrom);
  const refused = scripts.length === 0 ? [] : await checkGrammar(session, scripts, grammar);
  return {
    folder,
    ledger,
    plan: {
      ...plan,
      entries: plan.entries.map((entry) => withoutTests(entry, prepared.scripts.get(entry.file), options.only)),
    },
    scripts: prepared.scripts,
    problems: [...plan.problems, ...prepared.problems, ...checked.problems, ...refused.map((p) => placed(p.file, p))],
    warnings: [...plan.warnings, ...checked.warnings],
  };
}

export function knownFiles(source: MigrationSource, folder: MigrationFolder) {
  const names = folder.files.map((file) => file.name);
  const inFolder = names.filter((name) => name.phase === 'rollback').map((name) => name.file);
  const rollbacks = isFolder(source.rollbacksDir)
    ? readFolder(source.rollbacksDir, source.finalFrom).files.map((f) => f.name.file)
    : [];
  return {
    migrations: names.filter((name) => name.phase === 'forward' || name.phase === 'final'),
    rollbacks: new Set([...inFolder, ...rollbacks]),
  };
}

/** A file that ends in ROLLBACK is a test: it leaves nothing behind, so there is nothing to record. */
function withoutTests(entry: PlanEntry, script: Script | undefined, only: string | undefined): PlanEntry {
  if (script?.mode.kind !== 'test' || only === entry.file) return entry;
  return { ...entry, state: 'not-run', run: false, reason: 'ends in ROLLBACK: a test, not a migration' };
}

/** Reads and prepares the files of these entries; what cannot be read is a problem. */
export async function prepareAll(
  folder: MigrationFolder,
  entries: readonly PlanEntry[],
  grammar: () => Promise<Grammar>,
) {
  const scripts = new Map<string, Script>();
  const problems: PlanProblem[] = [];
  for (const entry of entries) {
    try {
      const content = folder.read(entry.file);
      const script = await prepareScript(entry.file, content, folder.include, grammar);
      scripts.set(entry.file, script);
      if (script.expanded.includes.length === 0 && checksum(content) !== entry.checksum) {
        problems.push({
          file: entry.file,
          kind: 'plan',
          message: 'changed while the run was being planned',
          hint: 'Run again.',
        });
      }
    } catch (error) {
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
      problems.push({
        file: entry.file,
        kind: 'plan',
        message: `cannot be read: ${messageOf(error)}`,
        hint: 'Check its permissions.',
      });
    }
  }
  return { scripts, problems };
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

/** Why the run must not start, or `undefined`. A changed history weighs more than a plan that can be mended. */
export function refusal({ problems }: Pick<Preflight, 'problems'>): AishaError | undefined {
  if (problems.length === 0) return undefined;
  const kind = problems.some((p) => p.kind === 'changed') ? 'changed' : 'plan';
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new AishaError(kind, `nothing was applied: ${count} in the plan`, {
    details: problems.flatMap((p) => [
      `${p.file}${p.line === undefined ? '' : `:${p.line}:${p.column ?? 1}`}: ${p.message}`,
      `  ${p.hint}`,
    ]),
    hint:
      kind === 'changed'
        ? 'See aisha-db status; aisha-db repair accepts what is right.'
        : 'Mend them all, then run again; aisha-db validate checks without a database.',
  });
}

async function applyAll(
  source: MigrationSource,
  target: Target,
  work: Session,
  first: Preflight,
  options: MigrateOptions,
  hooks: RunHooks,
): Promise<MigrateResult> {
  return lockRun(source, target, work, options, hooks, async (running, ledger) => {
    // Whoever had the lock until now may have applied what is pending here.
    const plan = planMigrations(first.folder.files, ledger.rows, options);
    const entries = plan.entries.map((entry) => withoutTests(entry, first.scripts.get(entry.file), options.only));
    const preflight: Preflight = { ...first, ledger, plan: { ...plan, entries }, problems: plan.problems };
    const stop = refusal(preflight);
    return stop ? { preflight, entries, applied: 0, error: stop } : applyEach(running, preflight, hooks);
  });
}

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
    const ledger = await readLedger(work, source.ledger);
    if (!options.dryRun) await ensureLedger(work, source.ledger, ledger);
    return await use(
      { work, lock, ledger: source.ledger, settings: options.run, signal: hooks.signal, tell: hooks.info },
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

async function applyEach(running: Running, preflight: Preflight, hooks: RunHooks): Promise<MigrateResult> {
  const entries = [...preflight.plan.entries];
  const rows = new Map(preflight.ledger.rows.map((row) => [row.file, row]));
  const total = entries.filter((entry) => entry.run).length;
  let applied = 0;
  let error: AishaError | undefined;
  for (const [index, entry] of entries.entries()) {
    if (!entry.run) continue;
    if (error) {
      entries[index] = {
        ...entry,
        state: entry.state === 'interrupted' ? 'interrupted' : 'not-run',
        run: false,
        reason: 'not reached',
      };
      continue;
    }
    const started = performance.now();
    const outcome = await applyOne(running, preflight, entry, rows.get(entry.file)).catch(asFailure);
    const durationMs = Math.round(performance.now() - started);
    if (outcome) {
      error = outcome;
      entries[index] = {
        ...entry,
        state: outcome.kind === 'partial' ? 'interrupted' : 'failed',
        durationMs,
        reason: outcome.message,
        run: false,
      };
    } else {
      applied++;
      entries[index] = {
        ...entry,
        state: 'applied',
        durationMs,
        appliedAt: new Date().toISOString(),
        reason: undefined,
      };
      hooks.info(`[${applied}/${total}] ${entry.file} (${durationMs} ms)`);
    }
  }
  return { preflight, entries, applied, error };
}

function asFailure(error: unknown): AishaError {
  if (error instanceof AishaError) return error;
  throw error;
}

async function applyOne(
  running: Running,
  preflight: Preflight,
  entry: PlanEntry,
  row: LedgerRow | undefined,
): Promise<undefined> {
  const script = preflight.scripts.get(entry.file);
  if (!script || entry.checksum === undefined) {
    throw new AishaError('plan', `${entry.file} became pending while the run waited`, { hint: 'Run again.' });
  }
  const job: Job = { entry, script, checksum: entry.checksum, siblings: siblingsOf(preflight, entry.file) };
  for (const line of script.expanded.echoes) running.tell(line);
  switch (script.mode.kind) {
    case 'empty':
      await recordEmpty(running, job);
      return;
    case 'transaction':
      await applyInTransaction(running, job, script.mode);
      return;
    case 'statements':
      await applyStatements(running, job, script.mode, row);
      return;
    case 'test':
      await runTest(running, job);
      return;
    case 'refused':
      throw new AishaError('plan', `${entry.file} cannot be run`, { hint: 'See aisha-db validate.' });
  }
}

/** An empty file has been applied once it is recorded. */
async function recordEmpty(running: Running, job: Job): Promise<void> {
  const { error } = await running.work.script([
    upsertSql(running.ledger, ledgerEntry(running, job), running.lock.fence),
  ]);
  if (error) throw new AishaError('rolledBack', `${job.entry.file}: ${error.message}`, { cause: error });
}

/** A test is run as it is, ends in its own ROLLBACK, and is not recorded. */
async function runTest(running: Running, job: Job): Promise<void> {
  const { sql, copies } = job.script.expanded;
  const { error } = await running.work.script([sql], { copies: copies.map((c) => c.rows) });
  if (running.work.inTransaction) await running.work.script(['rollback']);
  if (error)
    throw new AishaError('rolledBack', `${job.entry.file}: the test failed: ${error.message}`, { cause: error });
}

/** Files that carry the same number now: a later run must not take them for newcomers. */
function siblingsOf({ plan }: Preflight, file: string): string[] {
  return (plan.groups.get(file) ?? []).filter((other) => other !== file);
}

/** Loads something on first use. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
