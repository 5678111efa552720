import type { Command as Commander } from 'commander';
import type { Command, Context } from '../commands/command.ts';
import { loadDefinitions, SHIPPED_CHECKS } from '../diagnostics/load.ts';
import { toResult } from '../diagnostics/result.ts';
import { runChecks } from '../diagnostics/run.ts';
import { SECRET_IN_FILE } from '../diagnostics/secret-in-file.ts';
import { type Selection, selectChecks } from '../diagnostics/select.ts';
import { applySettings, type ConfiguredCheck } from '../diagnostics/settings.ts';
import type { CommandResult } from '../report/report.ts';
import { runHooks } from './migration.ts';

/** A line of progress at most this often (ms): most runs are over before the first. */
const PROGRESS_MS = 2_000;

/** Every check that is shipped or the project's own, judged as the project wants it. */
export function configuredChecks(context: Context): readonly ConfiguredCheck[] {
  return applySettings([...loadDefinitions(checkFolders(context)), SECRET_IN_FILE], context.config.diagnostics);
}

/** Where checks are: the shipped ones and the project's own. */
export function checkFolders({ config: { diagnostics } }: Context): readonly string[] {
  return diagnostics.checksDir === undefined ? [SHIPPED_CHECKS] : [SHIPPED_CHECKS, diagnostics.checksDir];
}

/** Which checks are run, and what becomes of the run. */
export interface DiagnoseOptions extends Selection {
  /** Keeps the run. */
  readonly save: boolean;
  /** Compares with runs that were kept. */
  readonly trend: boolean;
  /** Folder of kept runs, in place of the configured one. */
  readonly runsDir: string | undefined;
}

/** Runs the checks that were asked for and judges what they say. */
export async function diagnose(context: Context, options: DiagnoseOptions): Promise<CommandResult> {
  const { diagnostics } = context.config;
  const configured = configuredChecks(context);
  const selected = new Set(
    selectChecks(
      configured.map(({ definition }) => definition),
      options,
    ),
  );
  const checks = configured.filter(({ definition }) => selected.has(definition));
  const asked = checks.flatMap((check) => (check.enabled ? [check.definition] : []));
  const target = await context.target();
  const run = await runChecks(
    target,
    asked.filter(({ id }) => id !== SECRET_IN_FILE.id),
    {
      ...diagnostics,
      signal: context.signal,
      connected: runHooks(context, target).connected,
      onProgress: progress(context),
    },
  );
  const outcomes = new Map(run.outcomes);
  if (asked.some(({ id }) => id === SECRET_IN_FILE.id)) {
    const { secretsInFiles } = await import('./secret-files.ts');
    outcomes.set(SECRET_IN_FILE.id, secretsInFiles(context));
  }
  const today = new Date().toISOString().slice(0, 10);
  const withTables = options.names.length > 0;
  const { result, expired } = toResult({ ...run, outcomes, checks, mutes: diagnostics.mutes, today, withTables });
  for (const { check, object, until, reason } of expired) {
    context.talk.warn(
      `muted until ${until}, and still there: ${check}${object === undefined ? '' : ` ${object}`} (${reason})`,
    );
  }
  if (!options.save && !options.trend) return result;
  const { withHistory } = await import('./run-history.ts');
  const facts = { definitions: checks.map(({ definition }) => definition), outcomes };
  return withHistory(context, target, { result, facts }, options);
}

/** Says how far a run is, now and then. */
export function progress({ talk }: Context): (done: number, total: number) => void {
  let last = Date.now();
  return (done, total) => {
    if (Date.now() - last < PROGRESS_MS) return;
    last = Date.now();
    talk.info(`${done} of ${total} checks are done`);
  };
}

/** Checks that read whole tables run only when this is given, or when they are named. */
export function exactOption(command: Commander): void {
  command.option('--exact', 'also run checks that measure, which read whole tables');
}

/** Options that keep a run and compare it with those that were kept. */
export function historyOptions(command: Commander): void {
  command
    .option('--save', 'keep the run: in a table beside the ledger, or in a folder')
    .option('--trend', 'also say what is new, gone and growing since the runs that were kept')
    .option('--runs-dir <folder>', 'folder of the kept runs, in place of the table');
}

/** What the command line says about a run of these checks or categories. */
export function diagnoseOptions(names: readonly string[], options: Readonly<Record<string, unknown>>): DiagnoseOptions {
  return {
    names,
    requested: options['exact'] === true ? ['exact'] : [],
    save: options['save'] === true,
    trend: options['trend'] === true,
    runsDir: options['runsDir'] as string | undefined,
  };
}

/** The command of one category of checks: `aisha-db indexes` is `aisha-db diagnose indexes`. */
export function categoryCommand(category: string, summary: string, description: string, name = category): Command {
  return {
    summary,
    description: `${description}\n\nThe same as aisha-db diagnose ${category}; docs/diagnostics.md describes each check.`,
    examples: [`aisha-db ${name}`, `aisha-db ${name} --format json | jq .findings`],
    database: true,
    configure(command) {
      if (category === 'bloat') exactOption(command);
      historyOptions(command);
    },
    run: (context, _args, options) => diagnose(context, diagnoseOptions([category], options)),
  };
}
