import { messageOf } from '../errors.ts';
import { once } from '../once.ts';
import type { Session } from '../postgres/session.ts';
import { counted } from '../report/quantity.ts';
import { withChanges } from './changes.ts';
import { checkScripts, type KnownFiles, placed } from './check-scripts.ts';
import { isFolder, type MigrationFolder, readFolder } from './files.ts';
import { GrammarCheck } from './grammar-check.ts';
import type { Preflight } from './migrate.ts';
import type { MigrationSource } from './open.ts';
import { type PlanEntry, type PlanOptions, type PlanProblem, type PlanWarning, planMigrations } from './plan.ts';
import { inFileOrder } from './report.ts';
import { prepareScript, type Script, type Settled } from './script.ts';
import { type Grammar, loadGrammar } from './tree.ts';

/**
 * Everything that the content of pending files tells before anything is written: all problems at once. A release's
 * worth of files stays in memory; big and many ones are read again when they are applied.
 */
export async function lookInto(
  source: MigrationSource,
  facts: Pick<Preflight, 'folder' | 'ledger' | 'plan'>,
  session: Session,
  options: Omit<PlanOptions, 'tests'>,
): Promise<Preflight> {
  const { folder, ledger } = facts;
  const grammar = once(loadGrammar);
  const check = new GrammarCheck(session, grammar);
  const found = await lookAtFiles(source, folder, facts.plan.entries, grammar, (script) => check.add(script));
  const refused = (await check.finish()).map((p) => placed(p.file, p));
  const tests = new Set([...found.tests].filter((file) => file !== options.only));
  // Whether files are tests, only their content says; whether the final phase runs depends on it.
  const planned = tests.size === 0 ? facts.plan : planMigrations(folder.files, ledger.rows, { ...options, tests });
  const plan = withChanges(planned, ledger.rows, folder.read);
  return {
    folder,
    ledger,
    plan: {
      ...plan,
      problems: inFileOrder([...plan.problems, ...found.problems, ...refused], plan.entries),
      warnings: [...plan.warnings, ...found.warnings],
    },
    modes: found.modes,
    settled: found.settled,
    kept: found.kept,
    tests,
  };
}

/** What was found in the files of a plan. */
export interface FileFindings {
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly PlanWarning[];
  readonly modes: ReadonlyMap<string, string>;
  readonly settled: ReadonlyMap<string, Settled>;
  readonly kept: ReadonlyMap<string, Script>;
  readonly tests: ReadonlySet<string>;
}

/** Reads and prepares the files that would run, or ask to, one after the other; `use` sees each before it is forgotten. */
export async function lookAtFiles(
  source: MigrationSource,
  folder: MigrationFolder,
  entries: readonly PlanEntry[],
  grammar: () => Promise<Grammar>,
  use: (script: Script) => Promise<void> | void,
): Promise<FileFindings> {
  const known = knownFiles(source, folder);
  const problems: PlanProblem[] = [];
  const warnings: PlanWarning[] = [];
  const modes = new Map<string, string>();
  const settled = new Map<string, Settled>();
  const kept = new KeptScripts();
  const tests = new Set<string>();
  for (const { file, run, refused, checksum } of entries) {
    if (!run && !refused) continue;
    const script = await prepare(folder, file, checksum, grammar);
    if (!('mode' in script)) {
      problems.push(script);
      continue;
    }
    const checked = checkScripts([script], known, source.finalFrom);
    problems.push(...checked.problems);
    warnings.push(...checked.warnings);
    modes.set(file, describeMode(script));
    kept.keep(script);
    // The units of a long file are not kept: it is read again.
    const { mode, count, cuts, doubtful } = script;
    if (mode.kind === 'transaction') settled.set(file, { mode, count, cuts, doubtful });
    if (script.mode.kind === 'test') tests.add(file);
    await use(script);
  }
  return { problems, warnings, modes, settled, kept: kept.scripts, tests };
}

/** Bytes of SQL that are kept from the look to the run: the files of a release, a big one among them. */
const MOST_KEPT = 64 * 1024 * 1024;

/** Files stay in memory while they are small or few; the others are read again. */
class KeptScripts {
  readonly scripts = new Map<string, Script>();
  #bytes = 0;

  keep(script: Script): void {
    const { length } = script.expanded.sql;
    if (this.#bytes + length > MOST_KEPT) return;
    this.#bytes += length;
    this.scripts.set(script.file, script);
  }
}

async function prepare(
  folder: MigrationFolder,
  file: string,
  checksum: string | undefined,
  grammar: () => Promise<Grammar>,
): Promise<Script | PlanProblem> {
  try {
    const content = folder.readChecked(file, checksum);
    if (content) return await prepareScript(file, content, folder.include, grammar);
    folder.read(file);
    return { file, kind: 'plan', message: 'changed while the run was being planned', hint: 'Run again.' };
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    return { file, kind: 'plan', message: `cannot be read: ${messageOf(error)}`, hint: 'Check its permissions.' };
  }
}

function describeMode({ mode }: Script): string {
  return mode.kind === 'statements' ? `${counted(mode.units.length, 'statement')}: ${mode.why}` : mode.kind;
}

function knownFiles(source: MigrationSource, folder: MigrationFolder): KnownFiles {
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
