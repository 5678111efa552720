import { AishaError } from '../errors.ts';
import { once } from '../once.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Target } from '../postgres/target.ts';
import { applyStatements } from './apply-statements.ts';
import { applyInTransaction } from './apply-transaction.ts';
import { dependenciesOf, resolveDependency } from './check-scripts.ts';
import { isFolder, type MigrationFolder, readFolder } from './files.ts';
import type { Gate } from './gate.ts';
import { headerValue, parseHeader } from './header.ts';
import { forgetSql, type LedgerRow, readLedger, rolledBackSql } from './ledger.ts';
import { type LockOptions, lockRun } from './lock-run.ts';
import { lookBehind } from './look-behind.ts';
import { AppliedAnyway } from './lost.ts';
import { isNamedAfter, type MigrationName, parseName, rollbackNameOf, sameVersion } from './name.ts';
import { type MigrationSource, openSession, type RunHooks, reading, refuseForeignLedger } from './open.ts';
import type { Job, Running } from './runner.ts';
import { type SafeguardOptions, safeguard } from './safeguard.ts';
import { prepareScript, type Script, scriptText } from './script.ts';
import { loadGrammar } from './tree.ts';

export interface RollbackOptions extends LockOptions, SafeguardOptions {
  /** Numbers or file names. */
  readonly targets: readonly string[];
  readonly ignoreDependents: boolean;
  readonly dryRun: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** What judges the files; called when there is something to undo. */
  readonly openGate?: (() => Promise<Gate | undefined>) | undefined;
  /** Asked with the plan before anything is written; throws to stop. */
  readonly confirm: (plan: readonly RollbackStep[]) => Promise<void>;
}

/** One migration and the files that undo it, in the order in which they run. */
interface RollbackStep {
  readonly file: string;
  readonly undoneBy: readonly string[];
  readonly checksum: string;
  readonly script: Script;
}

export interface RollbackResult {
  readonly steps: readonly RollbackStep[];
  readonly undone: readonly string[];
  readonly error: AishaError | undefined;
  /** Identifier of the backup that was taken before the first file. */
  readonly backupId?: string | undefined;
  /** With what it noticed. */
  readonly gate?: Gate | undefined;
}

/** Undoes migrations, the latest first; each in one transaction with its ledger row. */
export async function rollback(
  source: MigrationSource,
  target: Target,
  options: RollbackOptions,
  hooks: RunHooks,
): Promise<RollbackResult> {
  refusePoolerAddress(target);
  const work = await openSession(target, 'aisha-db rollback', options.settings, hooks);
  try {
    const ledger = await reading(work, hooks.signal, () => readLedger(work, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const steps = await planRollback(source, ledger.rows, options);
    if (options.dryRun) return { steps, undone: [], error: undefined };
    await options.confirm(steps);
    const sql = () => steps.map(({ script }) => Buffer.from(script.expanded.sql).toString('utf8'));
    return await lockRun(source, target, work, options, hooks, async (running, now) => {
      const gate = await options.openGate?.();
      const ready = { ...(await safeguard(running, sql, options)), gate };
      return { ...(await undoEach(ready, steps, now.rows)), backupId: ready.backupId };
    });
  } finally {
    await work.close();
  }
}

async function undoEach(
  running: Running,
  steps: readonly RollbackStep[],
  rows: readonly LedgerRow[],
): Promise<RollbackResult> {
  const undone: string[] = [];
  const { gate } = running;
  try {
    await gate?.begin(running.work, running.lock.guard);
    for (const step of steps) {
      if (!rows.some((row) => row.file === step.file && row.state !== 'rolled-back')) {
        throw new AishaError('plan', `${step.file} is no longer applied: another run undid it`, {
          hint: 'See aisha-db status.',
        });
      }
      await undo(running, step, rows);
      running.tell(`rolled back ${step.file}`);
      undone.push(step.file);
      const late = await lookBehind(running, step.script);
      if (late) return { steps, undone, error: late, gate };
    }
    return { steps, undone, error: await gate?.end(running.work, [], []), gate };
  } catch (error) {
    if (error instanceof AppliedAnyway) undone.push(steps[undone.length]!.file);
    if (error instanceof AishaError) return { steps, undone, error, gate };
    throw error;
  }
}

async function undo(running: Running, step: RollbackStep, rows: readonly LedgerRow[]): Promise<void> {
  const { mode } = step.script;
  const name = step.undoneBy[0]!;
  const record = rolledBackSql(running.ledger, step.file, running.lock.fence, running.backupId);
  const job: Job = {
    entry: {
      file: name,
      number: undefined,
      phase: 'rollback',
      state: 'pending',
      checksum: step.checksum,
      appliedAt: undefined,
      durationMs: undefined,
      reason: undefined,
      run: true,
    },
    script: step.script,
    checksum: step.checksum,
    siblings: [],
    record,
    recorded: `file = ${quoteLiteral(step.file)} and state = 'rolled-back'`,
  };
  if (mode.kind === 'transaction' || mode.kind === 'empty') {
    await applyInTransaction(
      running,
      job,
      mode.kind === 'transaction' ? mode : { kind: 'transaction', begin: undefined, commit: undefined },
    );
    return;
  }
  if (mode.kind !== 'statements')
    throw new AishaError(
      'plan',
      `${name} cannot be run: it ${mode.kind === 'test' ? 'ends in ROLLBACK' : 'is refused'}`,
      { hint: 'See aisha-db validate.' },
    );
  await running.gate?.remember(running.work, () => scriptText(step.script));
  // Statement by statement it has progress of its own, kept under its own name until it is through.
  await applyStatements(
    running,
    job,
    mode,
    rows.find((row) => row.file === name),
  );
  const { error } = await running.work.script([`begin;${record};${forgetSql(running.ledger, name)};commit`]);
  if (error)
    throw new AishaError('partial', `${name} ran, but could not be recorded: ${error.message}`, {
      hint: 'Run the rollback again.',
      cause: error,
    });
}

async function planRollback(
  source: MigrationSource,
  rows: readonly LedgerRow[],
  options: RollbackOptions,
): Promise<RollbackStep[]> {
  const folder = readFolder(source.dir, source.finalFrom);
  const applied = rows.filter(
    (row) => row.state !== 'rolled-back' && row.phase !== 'manual' && row.phase !== 'rollback',
  );
  const chosen = options.targets.map((text) => chooseMigration(text, applied));
  const unique = [...new Map(chosen.map((row) => [row.file, row])).values()].sort((a, b) => b.sequence - a.sequence);
  if (!options.ignoreDependents) refuseDependents(unique, applied, folder);
  const rollbacks = rollbackFolders(source, folder);
  return Promise.all(unique.map((row) => stepFor(row, folder, rollbacks)));
}

/** The applied migration that a number or a name means. */
function chooseMigration(text: string, applied: readonly LedgerRow[]): LedgerRow {
  const byName = applied.find((row) => row.file === text || row.file === `${text}.sql`);
  if (byName) return byName;
  const wanted = parseName(`${text}_x.sql`).version;
  const matches = applied.filter((row) => sameVersion(parseName(row.file).version, wanted));
  if (matches.length === 1) return matches[0]!;
  if (matches.length === 0)
    throw new AishaError('plan', `${text} is not applied`, { hint: 'See aisha-db status for what is.' });
  throw new AishaError('plan', `number ${text} is carried by ${matches.map((row) => row.file).join(' and ')}`, {
    hint: 'Name the file: aisha-db rollback FILE.',
  });
}

/** Applied files whose header says that they depend on one that is to go. */
function refuseDependents(chosen: readonly LedgerRow[], applied: readonly LedgerRow[], folder: MigrationFolder): void {
  const names = folder.files.map((f) => f.name);
  const going = new Set(chosen.map((row) => row.file));
  const details: string[] = [];
  for (const row of applied) {
    if (going.has(row.file) || !names.some((name) => name.file === row.file)) continue;
    const dependencies = dependenciesOf(parseHeader(folder.read(row.file))).flatMap((d) => resolveDependency(d, names));
    for (const name of dependencies) if (going.has(name.file)) details.push(`${row.file} depends on ${name.file}`);
  }
  if (details.length === 0) return;
  throw new AishaError('plan', 'other applied migrations depend on what is to be rolled back', {
    details,
    hint: 'Roll them back too (name them all, in any order), or insist with --ignore-dependents.',
  });
}

/** Folders in which rollback files may lie: their own, and the migrations' folder. */
function rollbackFolders(source: MigrationSource, folder: MigrationFolder): MigrationFolder[] {
  const own =
    source.rollbacksDir !== source.dir && isFolder(source.rollbacksDir)
      ? [readFolder(source.rollbacksDir, source.finalFrom)]
      : [];
  return [...own, folder];
}

async function stepFor(
  row: LedgerRow,
  folder: MigrationFolder,
  folders: readonly MigrationFolder[],
): Promise<RollbackStep> {
  const grammar = once(loadGrammar);
  for (const place of folders) {
    const files = undoersOf(row, folder, place)
      .map((name) => name.file)
      .sort((a, b) => (a < b ? 1 : -1));
    if (files.length === 0) continue;
    const [first] = files;
    // Several files are one transaction: read as if one more file included them, each ended like a file of its own.
    const content =
      files.length === 1
        ? place.read(first!)
        : Buffer.from(files.map((file) => `\\i '${file.replaceAll("'", "''")}'\n;\n`).join(''));
    const script = await prepareScript(files.join(', '), content, place.include, grammar);
    if (script.problems.length > 0) {
      throw new AishaError('plan', `${first} cannot be run`, {
        details: script.problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`),
        hint: 'Mend it, then run again.',
      });
    }
    return {
      file: row.file,
      undoneBy: files,
      checksum: place.files.find((f) => f.name.file === first)?.checksum ?? '',
      script,
    };
  }
  throw new AishaError('plan', `no rollback for ${row.file}`, {
    hint: `Write ${rollbackNameOf(row.file)}, or restore a backup.`,
  });
}

/** The files that would undo a migration; none when there are none. */
export function rollbackFilesOf(source: MigrationSource, file: string): readonly string[] {
  const folder = readFolder(source.dir, source.finalFrom);
  for (const place of rollbackFolders(source, folder)) {
    const found = undoersOf({ file }, folder, place);
    if (found.length > 0) return found.map((name) => name.file);
  }
  return [];
}

/** Rollback files of a migration: by its header, by their own header, by name, or by a number that is not ambiguous. */
function undoersOf(row: Pick<LedgerRow, 'file'>, folder: MigrationFolder, place: MigrationFolder): MigrationName[] {
  const named = folder.files.some((f) => f.name.file === row.file && f.unreadable === undefined)
    ? headerValue(parseHeader(folder.read(row.file)), 'Rollback')
    : undefined;
  const others = folder.files.map((f) => f.name.file);
  const candidates: MigrationName[] = [];
  const sure: MigrationName[] = [];
  for (const { name, unreadable } of place.files) {
    if (name.phase !== 'rollback') continue;
    // Whoever needs it is told that it cannot be read.
    const reverts = unreadable === undefined ? headerValue(parseHeader(place.read(name.file)), 'Reverts') : undefined;
    const isMeant = name.file === named || reverts === row.file || `${reverts}.sql` === row.file;
    // Its own header names another migration: the likeness of names says nothing.
    if (!isMeant && reverts !== undefined) continue;
    candidates.push(name);
    if (isMeant || isNamedAfter(name.file, row.file, others)) sure.push(name);
  }
  if (sure.length > 0) return sure;
  const version = parseName(row.file).version;
  const sharers = folder.files.filter((f) => f.name.phase !== 'rollback' && sameVersion(f.name.version, version));
  return sharers.length > 1 ? [] : candidates.filter((name) => sameVersion(name.version, version));
}
