import { resolve } from 'node:path';
import type { Context } from '../commands/command.ts';
import type { Definition } from '../diagnostics/definition.ts';
import type { Outcome } from '../diagnostics/facts.ts';
import { runFolder } from '../diagnostics/run-folder.ts';
import type { History, RunStore } from '../diagnostics/run-store.ts';
import { runTable } from '../diagnostics/run-table.ts';
import { type SavedRun, toSavedRun } from '../diagnostics/saved-run.ts';
import { compareRuns } from '../diagnostics/trend.ts';
import { trendReport } from '../diagnostics/trend-report.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import type { DiagnoseOptions } from './diagnosis.ts';
import { version } from './version.ts';

interface Ran {
  readonly result: CommandResult;
  readonly facts: { readonly definitions: readonly Definition[]; readonly outcomes: ReadonlyMap<string, Outcome> };
}

/** Compares a run with those that were kept, and keeps it; where that fails the report is still whole, with the error. */
export async function withHistory(
  context: Context,
  target: Target,
  { result, facts }: Ran,
  options: DiagnoseOptions,
): Promise<CommandResult> {
  const run = toSavedRun(result, facts, { takenAt: new Date().toISOString(), toolVersion: version() });
  const store = storeFor(context, target, options);
  try {
    const compared = options.trend
      ? compare(result, await readHistory(context, store), run, facts.definitions)
      : result;
    if (!options.save) return compared;
    await store.write(run);
    return { ...compared, text: `${compared.text ?? ''} This run is kept.`.trimStart() };
  } catch (error) {
    if (error instanceof AishaError && error.kind !== 'interrupted') return { ...result, error };
    throw error;
  }
}

function storeFor({ config, cwd, signal }: Context, target: Target, { runsDir }: DiagnoseOptions): RunStore {
  const folder = runsDir === undefined ? config.diagnostics.runsDir : resolve(cwd, runsDir);
  return folder === undefined ? runTable(target, config.ledger.schema, signal) : runFolder(folder, target);
}

async function readHistory({ talk }: Context, store: RunStore): Promise<History> {
  const history = await store.read();
  const { newer, unreadable } = history;
  if (newer > 0) talk.warn(`left out: ${counted(newer, 'stored run')} of a later version of aisha-db`);
  if (unreadable > 0) talk.warn(`left out: ${counted(unreadable, 'stored run')} that cannot be understood`);
  return history;
}

function compare(
  result: CommandResult,
  { runs }: History,
  now: SavedRun,
  definitions: readonly Definition[],
): CommandResult {
  const { text, tables, charts, data } = trendReport(compareRuns(runs, now), [...runs, now], definitions);
  return {
    ...result,
    text: [result.text, text].filter(Boolean).join(' '),
    // What changed comes first: it is what was asked for.
    tables: [...tables, ...(result.tables ?? [])],
    charts: [...(result.charts ?? []), ...charts],
    data: { ...result.data, ...data },
  };
}
