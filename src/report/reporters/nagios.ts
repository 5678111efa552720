import type { ErrorKind } from '../../errors.ts';
import { plain } from '../plain.ts';
import type { Report, Reporter } from '../report.ts';
import { countLine, ofSeverity, undecided } from '../summary.ts';

/** Failures that say nothing about the database: the question could not be asked. */
const NOT_ASKED: readonly string[] = ['usage', 'tool', 'defect', 'interrupted'] satisfies readonly ErrorKind[];

/**
 * One line for Nagios and its relatives: `AISHA-DB STATE - text | performance data`. The exit code stays the contract's:
 * a wrapper that needs 0 to 3 reads the state.
 */
export const render: Reporter = (report) =>
  `AISHA-DB ${stateOf(report)} - ${oneLine(describe(report))} | ${measure(report)}\n`;

function stateOf(report: Report): 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN' {
  if (report.error !== undefined) return NOT_ASKED.includes(report.error.code) ? 'UNKNOWN' : 'CRITICAL';
  if (ofSeverity(report, 'critical').length > 0) return 'CRITICAL';
  if (ofSeverity(report, 'warning').length > 0) return 'WARNING';
  if (undecided(report).length > 0) return 'UNKNOWN';
  return report.exitCode === 0 ? 'OK' : 'WARNING';
}

function describe(report: Report): string {
  const { error, command, text } = report;
  if (error !== undefined) return `${command}: ${error.message}`;
  const worst = ['critical' as const, 'warning' as const].flatMap((severity) => ofSeverity(report, severity))[0];
  const example = worst === undefined ? undefined : `${worst.object}: ${worst.message}`;
  const parts = [countLine(report) || text, example].filter((part) => part !== undefined && part !== '');
  return `${command}: ${parts.length === 0 ? 'done' : parts.join('; ')}`;
}

/** A pipe would start the performance data, a line break the long output. */
function oneLine(text: string): string {
  return plain(text.replace(/\s+/g, ' ').replaceAll('|', '/'));
}

function measure(report: Report): string {
  const counts = ['critical' as const, 'warning' as const, 'info' as const].map(
    (severity) => `${severity}=${ofSeverity(report, severity).length};;;0`,
  );
  const metrics = [...highestPerCheck(report)].map(([check, metric]) => `${label(check)}=${metric}`);
  return [
    ...counts,
    `unknown=${undecided(report).length};;;0`,
    `duration=${report.durationMs / 1000}s`,
    ...metrics,
  ].join(' ');
}

/** One value per check: the line of a plugin is cut off at a few kilobytes. */
function highestPerCheck({ findings }: Report): ReadonlyMap<string, number> {
  const highest = new Map<string, number>();
  for (const { check, metric } of findings) {
    if (metric === undefined || !Number.isFinite(metric)) continue;
    highest.set(check, Math.max(metric, highest.get(check) ?? metric));
  }
  return highest;
}

function label(check: string): string {
  return `'${oneLine(check).replaceAll('=', '_').replaceAll("'", "''")}'`;
}
