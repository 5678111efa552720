import { basename, join, relative, sep } from 'node:path';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { once } from '../once.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Target } from '../postgres/target.ts';
import { migrationError, placeOf } from './failure.ts';
import { isFolder, type MigrationFolder, readFolder } from './files.ts';
import { readLedger, SINCE_BEGIN, upsertSql } from './ledger.ts';
import { type LockOptions, lockRun } from './lock-run.ts';
import { isLost, settleLost } from './lost.ts';
import { type MigrationSource, openSession, type RunHooks, reading, refuseForeignLedger } from './open.ts';
import { BACK_TO_ONESELF, cancellable, freshSession, type Job, ledgerEntry, type Running } from './runner.ts';
import { type SafeguardOptions, STAY, safeguard } from './safeguard.ts';
import { prepareScript, type Script } from './script.ts';
import { timeoutsOf } from './timeouts.ts';
import { loadGrammar } from './tree.ts';

export interface FixOptions extends LockOptions, Pick<SafeguardOptions, 'saveFirst'> {
  readonly name: string;
  readonly fixesDir: string;
  readonly dryRun: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** Shown what each statement did, before it is committed; throws to have it undone. */
  readonly confirm: (file: string, tags: readonly string[]) => Promise<void>;
}

export interface FixResult {
  readonly file: string;
  /** What each statement did: `UPDATE 3`. */
  readonly tags: readonly string[];
  readonly committed: boolean;
  /** Identifier of the backup that was taken before it. */
  readonly backupId?: string | undefined;
}

/**
 * Runs one FIX file in a transaction, shows how many rows each statement changed, and commits when told to. What was
 * there is saved first, as before migrations.
 */
export async function runFix(
  source: MigrationSource,
  target: Target,
  options: FixOptions,
  hooks: RunHooks,
): Promise<FixResult> {
  refusePoolerAddress(target);
  const { folder, file } = findFix(source, options);
  const recordedAs = ledgerName(source.dir, join(folder.dir, file));
  const script = await prepareScript(file, folder.read(file), folder.include, once(loadGrammar));
  refuseUnfit(script);
  const work = await openSession(target, 'aisha-db fix', options.settings, hooks);
  try {
    const ledger = await reading(work, hooks.signal, () => readLedger(work, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const checksum = folder.files.find((f) => f.name.file === file)?.checksum ?? '';
    return await lockRun(source, target, work, options, hooks, async (running, now) => {
      const sql = () => [Buffer.from(script.expanded.sql).toString('utf8')];
      const was = now.rows.find((row) => row.file === recordedAs)?.sequence;
      // A dry run changes nothing that would have to be brought back.
      const ready = options.dryRun ? running : await safeguard(running, sql, options);
      return { ...(await run(ready, { script, checksum, recordedAs, was }, options)), backupId: ready.backupId };
    });
  } finally {
    await work.close();
  }
}

/** A FIX file made ready, and the name the ledger has for it. */
interface Fix {
  readonly script: Script;
  readonly checksum: string;
  readonly recordedAs: string;
  /** Sequence of the row of its run before. */
  readonly was: number | undefined;
}

async function run(running: Running, fix: Fix, options: FixOptions): Promise<FixResult> {
  const { script } = fix;
  const { file, expanded } = script;
  const mode = script.mode.kind === 'transaction' ? script.mode : undefined;
  const from = mode?.begin?.end ?? 0;
  const to = mode?.commit?.start ?? expanded.sql.length;
  const opening = [...freshSession(running, timeoutsOf(script.header)), 'begin'];
  const prefix = `${opening.join(';')};`;
  const { completed, error, tags } = await cancellable(running, () =>
    running.work.script([prefix, expanded.sql.subarray(from, to)], {
      keepTags: true,
      copies: expanded.copies.map((c) => c.rows),
    }),
  );
  if (error) {
    const position = serverError(error)?.position;
    const place = placeOf(
      expanded,
      { from, to, index: completed - opening.length },
      position === undefined ? undefined : position - [...prefix].length,
    );
    await running.work.undo();
    throw migrationError(running.signal.aborted ? 'interrupted' : 'rolledBack', file, error, place);
  }
  const done = tags.slice(opening.length);
  if (options.dryRun) {
    await running.work.undo();
    return { file, tags: done, committed: false };
  }
  await running.lock.guard.query(STAY);
  await options.confirm(file, done).catch(async (refused) => {
    await running.work.undo();
    throw refused;
  });
  await commit(running, fix);
  return { file, tags: done, committed: true };
}

async function commit(running: Running, { script, checksum, recordedAs, was }: Fix): Promise<void> {
  const job: Job = {
    entry: {
      file: recordedAs,
      number: undefined,
      phase: 'manual',
      state: 'pending',
      checksum,
      appliedAt: undefined,
      durationMs: undefined,
      reason: undefined,
      run: true,
    },
    script,
    checksum,
    siblings: [],
    was,
  };
  const entry = { ...ledgerEntry(running, job), executionTime: SINCE_BEGIN };
  const closing = [
    'set constraints all immediate',
    ...BACK_TO_ONESELF,
    upsertSql(running.ledger, entry, running.lock.fence),
    'commit',
  ];
  const { error } = await running.work.script([closing.join(';')]);
  if (!error) return;
  await running.work.undo();
  if (isLost(running, error)) await settleLost(running, job, error);
  throw migrationError('rolledBack', script.file, error, undefined);
}

/** A fix is one transaction: only then can its row counts be shown before it takes effect. */
function refuseUnfit(script: Script): void {
  const problems = script.problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`);
  const { mode } = script;
  if (mode.kind === 'statements') problems.push(`${script.file}: ${mode.why}`);
  if (mode.kind === 'empty') problems.push(`${script.file}: holds no statement`);
  if (mode.kind === 'test') problems.push(`${script.file}: ends in ROLLBACK`);
  if (problems.length === 0) return;
  throw new AishaError('plan', `${script.file} cannot be run as a fix`, {
    details: problems,
    hint: 'A fix is one transaction, so that its row counts can be shown before it is committed.',
  });
}

/** As `status` lists the file where it lies below the migrations' folder, else its own name. */
function ledgerName(dir: string, path: string): string {
  const inside = relative(dir, path);
  return inside.startsWith('..') ? basename(path) : inside.split(sep).join('/');
}

/** `deactivate_test_admins`, `FIX_deactivate_test_admins` and the whole file name mean the same file. */
function findFix(source: MigrationSource, options: FixOptions): { folder: MigrationFolder; file: string } {
  const folders = [options.fixesDir, source.dir].filter(isFolder).map((dir) => readFolder(dir, source.finalFrom));
  const fixes = folders.flatMap((folder) =>
    folder.files
      .map((f) => f.name.file)
      .filter((file) => /^FIX_[^/]*\.sql$/i.test(file))
      .map((file) => ({ folder, file })),
  );
  const plain = (text: string) =>
    basename(text)
      .replace(/^FIX_/i, '')
      .replace(/\.sql$/i, '')
      .toLowerCase();
  const found = fixes.find(({ file }) => plain(file) === plain(options.name));
  if (found) return found;
  const names = [...new Set(fixes.map(({ file }) => plain(file)))];
  const near = didYouMean(options.name, names);
  const there =
    names.length === 0 ? `Put FIX_*.sql files into ${options.fixesDir}.` : `There are: ${names.join(', ')}.`;
  const hint = near === undefined ? there : `Did you mean ${near}? ${there}`;
  throw new AishaError('usage', `no fix is called ${options.name}`, { hint });
}
