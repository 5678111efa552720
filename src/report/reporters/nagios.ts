import type { ErrorKind } from '../../errors.ts';
import { plain } from '../plain.ts';
import type { Finding, Measure, Report, Reporter, Unit } from '../report.ts';
import { countLine, ofSeverity, undecided } from '../summary.ts';

/** Failures that say nothing about the database: the question could not be asked. */
const NOT_ASKED: readonly string[] = ['usage', 'tool', 'defect', 'interrupted'] satisfies readonly ErrorKind[];

/** Exit codes of the plugin API (Monitoring Plugins Development Guidelines, "Plugin Return Codes"). */
const STATES = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const;

/** The units that performance data knows ("Performance data" of the same guidelines); a plain number has none. */
const UNITS: Readonly<Record<Unit, string>> = { bytes: 'B', milliseconds: 'ms', count: '', percent: '%' };

/** Nagios cuts the line of a plugin off at 4096 bytes by default; the performance data stands at its end. */
const LONGEST_TEXT = 1000;

/** One line for Nagios and its relatives: `AISHA-DB STATE - text | performance data`. */
export const render: Reporter = (report) =>
  `AISHA-DB ${stateOf(report)} - ${oneLine(describe(report))} | ${measure(report)}\n`;

/** What the process ends with in place of the contract's code: a plugin is read by its exit code. */
export function exitCode(report: Report): number {
  return STATES[stateOf(report)];
}

/** OK exactly when the contract's code is 0: `--fail-on` and `--unknown-as` say what counts here too. */
function stateOf(report: Report): keyof typeof STATES {
  if (report.error !== undefined) return NOT_ASKED.includes(report.error.code) ? 'UNKNOWN' : 'CRITICAL';
  if (report.exitCode === 0) return 'OK';
  if (ofSeverity(report, 'critical').length > 0) return 'CRITICAL';
  if (ofSeverity(report, 'warning').length > 0) return 'WARNING';
  return undecided(report).length > 0 ? 'UNKNOWN' : 'WARNING';
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
  const line = plain(text.replace(/\s+/g, ' ').replaceAll('|', '/'));
  return line.length > LONGEST_TEXT ? `${[...line].slice(0, LONGEST_TEXT).join('')}…` : line;
}

function measure(report: Report): string {
  const counts = ['critical' as const, 'warning' as const, 'info' as const].map(
    (severity) => `${severity}=${ofSeverity(report, severity).length};;;0`,
  );
  return [
    ...counts,
    `unknown=${undecided(report).length};;;0`,
    `duration=${decimal(report.durationMs / 1000)}s`,
    ...[...highestPerCheck(report).values()].map(drawMetric),
    ...(report.measures ?? []).map(drawMeasure),
  ].join(' ');
}

type Measured = Finding & { readonly metric: number };

/** One value per check: there may be thousands of findings. */
function highestPerCheck({ findings }: Report): ReadonlyMap<string, Measured> {
  const highest = new Map<string, Measured>();
  for (const finding of findings) {
    const { check, metric } = finding;
    if (metric === undefined || !Number.isFinite(metric)) continue;
    if (metric > (highest.get(check)?.metric ?? Number.NEGATIVE_INFINITY)) highest.set(check, { ...finding, metric });
  }
  return highest;
}

function drawMetric({ check, metric, unit = 'count' }: Measured): string {
  return `'${label(check)}'=${decimal(metric)}${UNITS[unit]}`;
}

function drawMeasure({ name, labels, unit, value }: Measure): string {
  return `'${label([name, ...Object.values(labels)].join(' '))}'=${decimal(value)}${UNITS[unit]}`;
}

function label(check: string): string {
  return oneLine(check).replaceAll('=', '_').replaceAll("'", "''");
}

/** Performance data allows digits, a sign and a point: no exponent. */
function decimal(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  return Math.abs(value) < 1 ? value.toFixed(20).replace(/0+$/, '') : String(BigInt(Math.round(value)));
}
