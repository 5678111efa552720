import { STYLE } from '../html-style.ts';
import { plain, plainLines } from '../plain.ts';
import type { Check, Finding, Report, Reporter, ReportTable, Severity } from '../report.ts';
import { ofSeverity, undecided, WORST_FIRST } from '../summary.ts';
import { xmlText } from '../xml.ts';

/** One page that needs nothing else: no script, no font, no network. */
export const render: Reporter = (report) => {
  const title = `aisha-db ${plain(report.command)}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // Nothing of a report is ever loaded or run, even if escaping should fail.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${xmlText(title)}: ${report.status}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${xmlText(title)} <span class="pill ${report.status}">${report.status}</span></h1>`,
    drawFacts(report),
    drawError(report),
    report.text === undefined ? '' : `<p>${prose(report.text)}</p>`,
    drawTiles(report),
    ...WORST_FIRST.map((severity) => drawFindings(severity, ofSeverity(report, severity))),
    ...(report.tables ?? []).map(drawTitledTable),
    drawChecks(report.checks),
    '</main>',
    '</body>',
    '</html>',
    '',
  ]
    .filter((line, index, lines) => line !== '' || index === lines.length - 1)
    .join('\n');
};

function drawFacts({ target, startedAt, durationMs, exitCode, version }: Report): string {
  const facts: readonly (readonly [string, string])[] = [
    ...(target === undefined
      ? []
      : ([['Target', `${target.host}:${target.port}/${target.database} as ${target.user}`]] as const)),
    ...(target?.serverVersion === undefined ? [] : ([['Server', `PostgreSQL ${target.serverVersion}`]] as const)),
    ['Started', `${startedAt}, took ${durationMs / 1000} s`],
    ['Exit code', `${exitCode} (aisha-db ${version})`],
  ];
  return `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${xmlText(plain(value))}</dd>`).join('')}</dl>`;
}

function drawError({ error }: Report): string {
  if (error === undefined) return '';
  const details = error.details?.length ? `<pre>${prose(error.details.join('\n'))}</pre>` : '';
  const hint = error.hint === undefined ? '' : `<p>${prose(error.hint)}</p>`;
  return `<article class="failed"><h3 class="tone">${prose(error.message)}</h3>${details}${hint}</article>`;
}

function drawTiles(report: Report): string {
  if (report.checks.length + report.findings.length === 0) return '';
  const passed = report.checks.filter((check) => check.status === 'passed').length;
  const tiles: readonly (readonly [string, number])[] = [
    ...WORST_FIRST.map((severity) => [severity, ofSeverity(report, severity).length] as const),
    ['unknown', undecided(report).length],
    ['passed', passed],
  ];
  // A zero has no colour: what is coloured wants attention.
  const items = tiles.map(
    ([name, count]) => `<li><b class="${count === 0 ? 'faint' : `tone ${name}`}">${count}</b>${name}</li>`,
  );
  return `<ul class="tiles">${items.join('')}</ul>`;
}

function drawFindings(severity: Severity, findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  return [`<h2>${severity} (${findings.length})</h2>`, ...findings.map(drawFinding)].join('\n');
}

function drawFinding({ severity, object, check, message, remediation }: Finding): string {
  const fix = remediation === undefined ? '' : `<pre>${prose(remediation)}</pre>`;
  const heading = `<h3><code>${xmlText(plain(object))}</code></h3>`;
  return `<article class="${severity}">${heading}<p>${prose(message)}</p><span class="faint">${xmlText(plain(check))}</span>${fix}</article>`;
}

function drawTitledTable(table: ReportTable): string {
  const title = table.title === undefined ? '' : `<h2>${xmlText(plain(table.title))}</h2>\n`;
  const attributes = table.columns.map((_, index) => (table.alignRight?.includes(index) ? ' class="number"' : ''));
  const rows = table.rows.map((row) =>
    attributes.map((attribute, index) => `<td${attribute}>${prose(row[index] ?? '')}</td>`),
  );
  return (
    title +
    drawTable(
      table.columns.map((name, index) => `<th${attributes[index]}>${prose(name)}</th>`),
      rows,
    )
  );
}

function drawChecks(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(({ id, title, status, reason }) => [
    `<td><code>${xmlText(plain(id))}</code></td>`,
    `<td>${prose(title)}</td>`,
    `<td class="status ${status}">${status.replace('-', ' ')}</td>`,
    `<td>${prose(reason ?? '')}</td>`,
  ]);
  return `<h2>Checks</h2>\n${drawTable(
    ['Check', 'Title', 'Status', 'Reason'].map((name) => `<th>${name}</th>`),
    rows,
  )}`;
}

function drawTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${heading.join('')}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function prose(text: string): string {
  return xmlText(plainLines(text).join('\n'));
}
