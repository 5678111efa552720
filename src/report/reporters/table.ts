import type { ChalkInstance } from 'chalk';
import { groupBy } from '../../group-by.ts';
import { drawTable } from '../columns.ts';
import { plain, plainLines } from '../plain.ts';
import { isSentence } from '../remediation.ts';
import type { Check, Finding, RenderOptions, Report, Reporter, ReportTable, Severity } from '../report.ts';
import { countLine, ofSeverity, undecided, WORST_FIRST } from '../summary.ts';
import { shorten, textWidth, wrap } from '../text-width.ts';

/** Of an object at least this much is shown, however long its check is called. */
const NARROWEST_OBJECT = 20;

/**
 * For people: text, tables, findings from the worst, what could not be decided, and the count. A failure is one line
 * here; its details and hint are on stderr.
 */
export const render: Reporter = (report, options) => {
  const blocks = [
    drawText(report, options),
    ...(report.tables ?? []).map((table) => drawTitledTable(table, options)),
    ...WORST_FIRST.map((severity) => drawFindings(severity, ofSeverity(report, severity), options)),
    drawUndecided(report, options),
    drawEnd(report, options),
  ];
  const text = blocks.filter((block) => block.length > 0).map((block) => block.join('\n'));
  return text.length === 0 ? '' : `${text.join('\n\n')}\n`;
};

function drawText({ text }: Report, { width }: RenderOptions): string[] {
  return text === undefined || text === '' ? [] : indent(text, '', width);
}

function drawTitledTable(table: ReportTable, { width, chalk }: RenderOptions): string[] {
  const title = table.title === undefined ? [] : [bold(chalk, plain(table.title))];
  return table.rows.length === 0 ? [...title, '(none)'] : [...title, ...drawTable(table, width)];
}

function drawFindings(severity: Severity, findings: readonly Finding[], options: RenderOptions): string[] {
  if (findings.length === 0) return [];
  const heading = paint(severity, `${severity} (${findings.length})`, options.chalk);
  return [heading, ...findings.flatMap((finding) => drawFinding(finding, options))];
}

function drawFinding({ object, check, message, remediation }: Finding, { width, chalk }: RenderOptions): string[] {
  const rule = `[${plain(check)}]`;
  // An object may be the whole text of a query.
  const room = width === undefined ? Number.POSITIVE_INFINITY : width - textWidth(rule) - 4;
  const name = shorten(plain(object), Math.max(NARROWEST_OBJECT, room));
  return [
    `  ${bold(chalk, name)}  ${dim(chalk, rule)}`,
    ...indent(message, '    ', width),
    ...(remediation === undefined ? [] : drawRemediation(remediation, width)),
  ];
}

/** SQL and commands stay whole, to be copied. */
function drawRemediation(remediation: string, width: number | undefined): string[] {
  return indent(remediation, '    ', isSentence(remediation) ? width : undefined, 'fix: ');
}

function drawUndecided(report: Report, { width, chalk }: RenderOptions): string[] {
  const checks = undecided(report);
  if (checks.length === 0) return [];
  const lines = [...groupBy(checks, causeOf).values()].flatMap((alike) => drawAlike(alike, width));
  return [paint('warning', `could not be decided (${checks.length})`, chalk), ...lines];
}

/** Checks with the same are answered by the same. */
function causeOf({ id, reason, remediation }: Check): string {
  return reason === undefined ? id : JSON.stringify([reason, remediation]);
}

/** One privilege that is missing, or one extension, leaves many checks open: it is named once. */
function drawAlike(checks: readonly Check[], width: number | undefined): string[] {
  const [{ id, title, reason, remediation }] = checks as readonly [Check];
  const names = checks.map((check) => check.id).join(', ');
  return [
    ...(checks.length === 1
      ? indent(`${id}: ${reason ?? title}`, '  ', width)
      : [...indent(reason ?? title, '  ', width), ...indent(names, '    ', width, 'checks: ')]),
    ...(remediation === undefined ? [] : drawRemediation(remediation, width)),
  ];
}

function drawEnd(report: Report, { chalk, width }: RenderOptions): string[] {
  const counts = countLine(report);
  const failure = report.error === undefined ? [] : indent(`failed: ${report.error.message}`, '', width);
  return [...(counts === '' ? [] : [counts]), ...failure.map((line) => paint('critical', line, chalk))];
}

/** Wraps prose; without a width, or for SQL that shall stay copyable, lines stay whole. */
function indent(text: string, margin: string, width: number | undefined, label = ''): string[] {
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - margin.length - label.length);
  const lines = plainLines(text).flatMap((line) => (room === Number.POSITIVE_INFINITY ? [line] : wrap(line, room)));
  return lines.map((line, index) => `${margin}${index === 0 ? label : ' '.repeat(label.length)}${line}`.trimEnd());
}

function paint(severity: Severity, text: string, chalk: ChalkInstance | undefined): string {
  if (chalk === undefined) return text;
  return { critical: chalk.red.bold, warning: chalk.yellow.bold, info: chalk.cyan.bold }[severity](text);
}

function bold(chalk: ChalkInstance | undefined, text: string): string {
  return chalk === undefined ? text : chalk.bold(text);
}

function dim(chalk: ChalkInstance | undefined, text: string): string {
  return chalk === undefined ? text : chalk.dim(text);
}
