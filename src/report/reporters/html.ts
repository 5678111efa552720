import { createHash } from 'node:crypto';
import { drawCharts } from '../html/charts.ts';
import { drawChecks } from '../html/checks.ts';
import { drawFindings, drawUndecided } from '../html/findings.ts';
import { SCRIPT } from '../html/script.ts';
import { STYLE } from '../html/style.ts';
import { drawTitledTable } from '../html/tables.ts';
import { line } from '../html/text.ts';
import { drawVerdict, verdictOf } from '../html/verdict.ts';
import { plain } from '../plain.ts';
import type { Report, Reporter } from '../report.ts';

/** One page to mail: it needs nothing else and asks nobody. */
export const render: Reporter = (report) => {
  const parts = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${line(titleOf(report))}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    drawVerdict(report),
    '<main>',
    drawFindings(report),
    drawUndecided(report),
    drawCharts(report.charts ?? []),
    ...(report.tables ?? []).map((table, index) => drawTitledTable(table, index, report.command)),
    drawChecks(report),
    '</main>',
    '<p id="status" role="status" class="unseen"></p>',
    `<script>${SCRIPT}</script>`,
    '</body>',
    '</html>',
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
};

/** This style and this script, by their content, and nothing from anywhere: even if escaping should fail. */
const POLICY = [
  "default-src 'none'",
  `style-src '${digest(STYLE)}'`,
  `script-src '${digest(SCRIPT)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function titleOf(report: Report): string {
  const { command, target } = report;
  const subject = target === undefined ? command : `${command} of ${plain(target.database)}`;
  return `${verdictOf(report)} - aisha-db ${subject}`;
}
