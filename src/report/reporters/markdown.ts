import { plain, plainLines } from '../plain.ts';
import type { Check, Finding, Report, Reporter, ReportTable } from '../report.ts';
import { countLine, ofSeverity, WORST_FIRST } from '../summary.ts';

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
  return WORST_FIRST.flatMap((severity) => {
    const findings = ofSeverity(report, severity);
    return findings.length === 0 ? [] : [`## ${severity} (${findings.length})`, ...findings.map(drawFinding)];
  });
}

function drawFinding({ check, object, message, remediation }: Finding): string {
  const fix = remediation === undefined ? '' : `\n\n${fence(plainLines(remediation).join('\n'), 'sql')}`;
  return `### ${code(object)}\n\n${inline(message)} (${code(check)})${fix}`;
}

function drawChecks(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(({ id, title, status, reason }) => [
    // In a table a pipe ends the cell, even inside of code.
    code(id).replaceAll('|', '\\|'),
    inline(title),
    status,
    inline(reason ?? ''),
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

function fence(text: string, language: string): string {
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${language}\n${text}\n${ticks}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
