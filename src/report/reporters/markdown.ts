import { plain, plainLines } from '../plain.ts';
import { isSentence } from '../remediation.ts';
import type { Check, Finding, Report, Reporter, ReportTable, Severity } from '../report.ts';
import { type CheckOutcome, countLine, ofSeverity, outcomes, WORST_FIRST } from '../summary.ts';

/** For a pull request, an issue or a wiki: GitHub's dialect. */
export const render: Reporter = (report) => {
  const blocks = [
    `# aisha-db ${inline(report.command)}: ${report.status}`,
    drawFacts(report),
    drawError(report),
    plainLines(report.text ?? '')
      .map(escapeLine)
      .join('  \n'),
    ...(report.tables ?? []).map(drawTitledTable),
    ...drawFindings(report),
    drawChecks(report.checks),
    countLine(report),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
};

function drawFacts({ target, startedAt, durationMs, exitCode, version }: Report): string {
  const facts = [
    ...(target === undefined
      ? []
      : [`Target: ${code(`${target.host}:${target.port}/${target.database}`)} as ${code(target.user)}`]),
    ...(target?.serverVersion === undefined ? [] : [`Server: PostgreSQL ${inline(target.serverVersion)}`]),
    `Started: ${startedAt}, ${durationMs} ms`,
    `Exit code: ${exitCode} (aisha-db ${version})`,
  ];
  return facts.map((fact) => `- ${fact}`).join('\n');
}

function drawError({ error }: Report): string {
  if (error === undefined) return '';
  const details = error.details?.length ? `\n\n${fence(error.details.flatMap(plainLines).join('\n'), 'text')}` : '';
  return `**Error:** ${inline(error.message)}${details}${error.hint === undefined ? '' : `\n\n**Hint:** ${inline(error.hint)}`}`;
}

function drawTitledTable(table: ReportTable): string {
  const title = table.title === undefined ? '' : `## ${inline(table.title)}\n\n`;
  const rule = table.columns.map((_, index) => (table.alignRight?.includes(index) ? '---:' : '---'));
  const rows = table.rows.map((row) => table.columns.map((_, index) => inline(row[index] ?? '')));
  return title + [table.columns.map(inline), rule, ...rows].map(drawRow).join('\n');
}

function drawFindings(report: Report): string[] {
  const asked = outcomes(report);
  return WORST_FIRST.flatMap((severity) => {
    const count = ofSeverity(report, severity).length;
    const sections = asked.map((outcome) => drawOutcome(outcome, severity)).filter((section) => section !== '');
    return count === 0 ? [] : [`## ${severity} (${count})`, ...sections];
  });
}

/** What one check found of one severity: a line for each object, then what mends them all, to be copied at once. */
function drawOutcome({ id, title, findings }: CheckOutcome, severity: Severity): string {
  const shown = findings.filter((finding) => finding.severity === severity);
  if (shown.length === 0) return '';
  const heading = title === id ? code(id) : `${inline(title)} (${code(id)})`;
  const fixes = new Set(shown.flatMap(({ remediation = '.' }) => (isSentence(remediation) ? [] : [remediation])));
  const block = fixes.size === 0 ? '' : `\n\n${fence([...fixes].flatMap(plainLines).join('\n'), 'sql')}`;
  return `### ${heading}\n\n${shown.map(drawFinding).join('\n')}${block}`;
}

function drawFinding({ object, message, remediation }: Finding): string {
  const advice = remediation !== undefined && isSentence(remediation) ? `<br>Fix: ${inline(remediation)}` : '';
  return `- ${code(object)}: ${inline(message)}${advice}`;
}

function drawChecks(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(({ id, title, status, reason, remediation }) => [
    cellCode(id),
    inline(title),
    status,
    [
      ...(reason === undefined ? [] : [inline(reason)]),
      ...(remediation === undefined ? [] : [isSentence(remediation) ? inline(remediation) : cellCode(remediation)]),
    ].join('<br>'),
  ]);
  return `## Checks\n\n${[['Check', 'Title', 'Status', 'Reason'], ['---', '---', '---', '---'], ...rows].map(drawRow).join('\n')}`;
}

function drawRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Text that stays text on one line, in a table too. */
function inline(text: string): string {
  return plainLines(text).map(escapeLine).join('<br>');
}

function escapeLine(line: string): string {
  return line
    .replace(/[\\`*[\]|~]|(?<!\w)_|_(?!\w)|^\s*[#+-](?=\s)/g, (mark) => mark.replace(/\S/, '\\$&'))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** A code span: its fence is longer than any run of backticks inside. */
function code(text: string): string {
  const content = plain(text);
  const ticks = '`'.repeat(longestRun(content) + 1);
  return content.includes('`') ? `${ticks} ${content} ${ticks}` : `${ticks}${content}${ticks}`;
}

/** In a table a pipe ends the cell, even inside of code. */
function cellCode(text: string): string {
  return code(text).replaceAll('|', '\\|');
}

function fence(text: string, language: string): string {
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${language}\n${text}\n${ticks}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
