import { AishaError } from '../errors.ts';
import { once } from '../once.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { leaveAdditions } from './apply-additions.ts';
import { applyStatements } from './apply-statements.ts';
import { applyInTransaction } from './apply-transaction.ts';
import { migrationError, placeOfFailure } from './failure.ts';
import type { LaterFile } from './gate.ts';
import { isInterrupted, type LedgerRow, upsertSql } from './ledger.ts';
import { lockRun } from './lock-run.ts';
import { lookAtPart, lookBehind } from './look-behind.ts';
import { AppliedAnyway } from './lost.ts';
import type { MigrateOptions, MigrateResult, Preflight } from './migrate.ts';
import type { MigrationSource, RunHooks } from './open.ts';
import { type PlanEntry, planMigrations } from './plan.ts';
import { refusal } from './refusal.ts';
import { cancellable, type Job, ledgerEntry, type Running } from './runner.ts';
import { safeguard } from './safeguard.ts';
import { prepareScript, type Script, scriptText } from './script.ts';
import { type Grammar, loadGrammar } from './tree.ts';

/** Takes the lock and applies what is then still pending, file after file, until one fails. */
export function applyAll(
  source: MigrationSource,
  target: Target,
  work: Session,
  first: Preflight,
  options: MigrateOptions,
  hooks: RunHooks,
): Promise<MigrateResult> {
  return lockRun(source, target, work, options, hooks, async (running, ledger) => {
    // Whoever had the lock until now may have applied what is pending here.
    const plan = planMigrations(first.folder.files, ledger.rows, { ...options, tests: first.tests });
    const preflight = { ...first, ledger, plan: { ...plan, warnings: first.plan.warnings } };
    const stop = refusal(plan.problems);
    if (stop) return { preflight, entries: plan.entries, applied: 0, error: stop };
    const ready = await makeReady(running, preflight, options);
    if (ready instanceof AishaError) {
      return { preflight, entries: plan.entries.map(notBegun), applied: 0, error: ready };
    }
    const result = await applyEach({ ...ready, gate: await options.openGate?.() }, preflight, hooks);
    return { ...result, backupId: ready.backupId };
  });
}

/** Returns an error when no file may be begun. */
async function makeReady(
  running: Running,
  preflight: Preflight,
  options: MigrateOptions,
): Promise<Running | AishaError> {
  const files = preflight.plan.entries.filter((entry) => entry.run);
  // Another run has applied everything meanwhile.
  if (files.length === 0) return running;
  const { folder, kept } = preflight;
  const sqlOf = ({ file }: PlanEntry) =>
    Buffer.from(kept.get(file)?.expanded.sql ?? folder.read(file)).toString('utf8');
  try {
    return await safeguard(running, () => files.map(sqlOf), options);
  } catch (error) {
    if (error instanceof AishaError) return error;
    throw error;
  }
}

function notBegun(entry: PlanEntry): PlanEntry {
  return entry.run ? notReached(entry) : entry;
}

async function applyEach(running: Running, preflight: Preflight, hooks: RunHooks): Promise<MigrateResult> {
  const rows = new Map(preflight.ledger.rows.map((row) => [row.file, row]));
  const grammar = once(loadGrammar);
  const runs = preflight.plan.entries.filter((entry) => entry.run);
  await running.gate?.begin(running.work, running.lock.guard, () =>
    runs.slice(0, FIRST_FILES).some(({ file }) => mayWritePolicies(preflight.kept.get(file))),
  );
  const entries: PlanEntry[] = [];
  let applied = 0;
  let begun = 0;
  let error: AishaError | undefined;
  // What need not be read, and can be sent before the file in front of it is committed.
  const jobAt = (index: number): Job | undefined => {
    const entry = runs[index];
    const script = entry && preflight.kept.get(entry.file);
    return script && jobOf(preflight, entry, script, rows.get(entry.file), () => jobAt(index + 1));
  };
  for (const entry of preflight.plan.entries) {
    if (!entry.run || error) {
      entries.push(notBegun(entry));
      continue;
    }
    const started = performance.now();
    begun += 1;
    // While the server works on this file, what its successor's row will say is found out.
    const ahead = setImmediate((next) => next && readAhead(preflight.kept.get(next.file)), runs[begun]);
    const next = jobAt.bind(undefined, begun);
    const outcome = await applyOne(running, preflight, entry, rows.get(entry.file), grammar, next);
    error = outcome.error;
    clearImmediate(ahead);
    const durationMs = Math.round(performance.now() - started);
    const stands = !error || outcome.stands;
    entries.push(stands ? succeeded(entry, durationMs, error) : await failed(running, entry, error!, durationMs));
    if (stands) hooks.info(`[${++applied}/${runs.length}] ${entry.file} (${durationMs} ms)`);
  }
  if (!error) await leaveAdditions(running);
  error ??= applied > 0 ? await lookBack(running, preflight, entries) : undefined;
  return { preflight, entries, applied, error, gate: running.gate };
}

/** So many are looked at, and only where they are short (bytes), to see what the run will need. */
const FIRST_FILES = 20;
const SHORT = 64 * 1024;

/** Policies of tables that are there already: those of new ones are added with them. */
function mayWritePolicies(script: Script | undefined): boolean {
  if (script === undefined || script.expanded.sql.length > SHORT) return false;
  return /\bpolicy\b/i.test(Buffer.from(script.expanded.sql).toString('latin1')) && script.additions() === undefined;
}

/** What a file's row will say, and how it can be applied. */
function readAhead(script: Script | undefined): void {
  script?.tokenChecksum();
  script?.additions();
}

/** What the run as a whole has left: a table may be secured by a later file than the one that makes it. */
async function lookBack(
  { gate, work }: Running,
  { folder, plan }: Preflight,
  entries: readonly PlanEntry[],
): Promise<AishaError | undefined> {
  if (!gate) return undefined;
  const ran = new Set(plan.entries.filter(({ run }) => run).map(({ file }) => file));
  const read = ({ file }: PlanEntry): LaterFile => ({
    file,
    text: once(() => Buffer.from(folder.read(file)).toString('utf8')),
  });
  const later = entries.filter(({ state, file }) => !ran.has(file) && state !== 'applied' && state !== 'missing');
  return gate.end(work, entries.filter(({ file }) => ran.has(file)).map(read), later.map(read));
}

function notReached(entry: PlanEntry): PlanEntry {
  const state = entry.state === 'interrupted' ? 'interrupted' : 'not-run';
  return { ...entry, state, run: false, reason: 'not reached' };
}

/** Whether part of the file has run, its ledger row knows, whatever ended it. */
async function failed(running: Running, entry: PlanEntry, error: AishaError, durationMs: number): Promise<PlanEntry> {
  const recorded = () => isInterrupted(running.lock.guard, running.ledger, entry.file).catch(() => false);
  const state = error.kind === 'partial' || (await recorded()) ? 'interrupted' : 'failed';
  return { ...entry, state, durationMs, reason: error.message, run: false };
}

function succeeded(entry: PlanEntry, durationMs: number, error: AishaError | undefined): PlanEntry {
  return { ...entry, state: 'applied', durationMs, appliedAt: new Date().toISOString(), reason: error?.message };
}

interface Outcome {
  readonly error: AishaError | undefined;
  /** The file is applied all the same: the gate found out too late what it does. */
  readonly stands: boolean;
}

/** Applies one file; returns what went wrong with it. */
async function applyOne(
  running: Running,
  preflight: Preflight,
  entry: PlanEntry,
  row: LedgerRow | undefined,
  grammar: () => Promise<Grammar>,
  next: () => Job | undefined,
): Promise<Outcome> {
  let inHand: Script | undefined;
  try {
    const script = await scriptOf(preflight, entry, grammar);
    inHand = script;
    for (const line of script.expanded.echoes) running.tell(line);
    if (script.mode.kind === 'statements') await running.gate?.remember(running.work, () => scriptText(script));
    await runScript(running, jobOf(preflight, entry, script, row, next), row);
    return { error: await lookBehind(running, script), stands: true };
  } catch (error) {
    if (error instanceof AishaError && error.kind === 'partial' && inHand) await lookAtPart(running, inHand);
    if (error instanceof AishaError) return { error, stands: error instanceof AppliedAnyway };
    throw error;
  }
}

function jobOf(
  preflight: Preflight,
  entry: PlanEntry,
  script: Script,
  row: LedgerRow | undefined,
  next: () => Job | undefined,
): Job {
  const siblings = siblingsOf(preflight, entry);
  return { entry, script, checksum: entry.checksum!, siblings, isNew: row === undefined, was: row?.sequence, next };
}

/** @throws AishaError (plan) when the file is no longer the one that was checked */
async function scriptOf(preflight: Preflight, entry: PlanEntry, grammar: () => Promise<Grammar>): Promise<Script> {
  const { folder } = preflight;
  const kept = preflight.kept.get(entry.file);
  if (kept) return kept;
  const content = folder.readChecked(entry.file, entry.checksum);
  if (content === undefined || !preflight.modes.has(entry.file)) {
    throw new AishaError('plan', `${entry.file} changed while the run was being planned`, {
      hint: 'Nothing of it was applied. Run again.',
    });
  }
  return prepareScript(entry.file, content, folder.include, grammar, preflight.settled.get(entry.file));
}

async function runScript(running: Running, job: Job, row: LedgerRow | undefined): Promise<void> {
  const { mode } = job.script;
  if (mode.kind !== 'transaction') await leaveAdditions(running);
  switch (mode.kind) {
    case 'empty':
      return recordEmpty(running, job);
    case 'transaction':
      return applyInTransaction(running, job, mode);
    case 'statements':
      return applyStatements(running, job, mode, row);
    case 'test':
      return runTest(running, job);
    case 'refused':
      throw new AishaError('plan', `${job.entry.file} cannot be run`, { hint: 'See aisha-db validate.' });
  }
}

/** An empty file has been applied once it is recorded. */
async function recordEmpty(running: Running, job: Job): Promise<void> {
  const { error } = await running.work.script([
    upsertSql(running.ledger, ledgerEntry(running, job), running.lock.fence),
  ]);
  if (error) throw migrationError('rolledBack', job.entry.file, error, undefined);
}

/** A test is run as it is, ends in its own ROLLBACK, and is not recorded. */
async function runTest(running: Running, job: Job): Promise<void> {
  const { file } = job.entry;
  const { expanded } = job.script;
  const { sql, copies } = expanded;
  running.gate?.leave();
  const { completed, error } = await cancellable(running, () =>
    running.work.script([sql], { copies: copies.map((c) => c.rows) }),
  );
  await running.work.undo();
  if (running.signal.aborted) throw new AishaError('interrupted', `interrupted in ${file}; it leaves nothing`);
  if (!error) return;
  const place = placeOfFailure(expanded, { from: 0, to: sql.length }, error, '', completed);
  throw migrationError('rolledBack', file, error, place);
}

/** Files that carry the same number now: a later run must not take them for newcomers. */
function siblingsOf({ plan }: Preflight, { file }: PlanEntry): string[] {
  return (plan.groups.get(file) ?? []).filter((other) => other !== file);
}
