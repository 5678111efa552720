import { type AishaError, EXIT } from '../errors.ts';
import type { CommandResult, Report, ReportFormat } from '../report/report.ts';
import { loadChalk, wantsColor } from './color.ts';
import { composeReport, type RunFacts } from './compose-report.ts';
import { type Edge, understandError } from './edge.ts';
import { toReportError } from './failure.ts';
import { DEFAULT_FORMAT, type GlobalOptions } from './global-options.ts';
import { loadReporter } from './modules.ts';
import type { EdgeTalk } from './talk.ts';

/** How a report is to be written. */
export type Presentation = Pick<GlobalOptions, 'format' | 'output' | 'failOn' | 'unknownAs' | 'color'>;

/** Writes the report of a run, then its error to stderr, and returns the exit code. */
export async function deliver(
  result: CommandResult,
  facts: RunFacts,
  how: Presentation,
  talk: EdgeTalk,
  edge: Edge,
): Promise<number> {
  // Only scripts read `data`; it may hold a hundred thousand texts that nobody would see.
  const shown = how.format === 'json' ? result : { ...result, data: {} };
  talk.clear();
  const report = edge.redactor.deep(composeReport(shown, facts, how));
  const unwritten = await writeReport(report, how, edge).catch((error) => understandError(error, edge));
  const failures = [result.error, unwritten].filter((error) => error !== undefined);
  if (failures.length > 0) {
    const chalk = await loadChalk(wantsColor(edge.streams.stderr, edge.env, how.color));
    for (const failure of failures) talk.fail(failure, chalk);
  }
  return exitCodeOf(report, unwritten, await loadReporter(how.format));
}

/** A run that went well, but whose report could not be written, did not go well. */
function exitCodeOf(report: Report, unwritten: AishaError | undefined, { exitCode }: ReportFormat): number {
  const code = exitCode?.(report) ?? report.exitCode;
  if (code !== EXIT.ok || unwritten === undefined) return code;
  return exitCode?.({ ...report, error: toReportError(unwritten) }) ?? unwritten.exitCode;
}

/** Returns why the report could not go to its file; then it is on stdout: it may be the only record of what was done. */
async function writeReport(report: Report, how: Presentation, edge: Edge): Promise<AishaError | undefined> {
  if (how.output === undefined) {
    if (how.format !== DEFAULT_FORMAT || !isBareFailure(report)) edge.stdout.write(await render(report, how, edge));
    return undefined;
  }
  try {
    const { writeReportFile } = await import('./report-file.ts');
    await writeReportFile(how.output, edge.cwd, await render(report, how, edge));
    return undefined;
  } catch (error) {
    edge.stdout.write(await render(report, { ...how, output: undefined }, edge));
    return understandError(error, edge);
  }
}

/** Nothing but an error, which people read on stderr. */
function isBareFailure({ error, text, tables = [], checks, findings }: Report): boolean {
  return error !== undefined && text === undefined && tables.length + checks.length + findings.length === 0;
}

async function render(report: Report, how: Presentation, { env, streams: { stdout } }: Edge): Promise<string> {
  const isForTerminal = how.output === undefined && how.format === DEFAULT_FORMAT;
  const chalk = await loadChalk(isForTerminal && wantsColor(stdout, env, how.color));
  const width = isForTerminal && stdout.isTTY === true ? stdout.columns || undefined : undefined;
  const format = await loadReporter(how.format);
  return format.render(report, { chalk, width });
}
