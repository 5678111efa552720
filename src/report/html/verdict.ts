import { counted, quantity } from '../quantity.ts';
import type { Report, ReportError, Severity } from '../report.ts';
import { ofSeverity, undecided, WORST_FIRST } from '../summary.ts';
import { line, lines, optional } from './text.ts';

/** Where the parts of the page are, for the numbers at the top. */
interface Tile {
  readonly name: string;
  readonly count: number;
  readonly link?: string;
}

/** The verdict in a few words, as plain text: it is the page's title as well. */
export function verdictOf(report: Report): string {
  if (report.error !== undefined || report.status === 'failed') return 'The run failed';
  const counts = WORST_FIRST.map((severity) => countOf(severity, report)).filter((count) => count !== '');
  const open = undecided(report).length;
  const unknown = open === 0 ? '' : `${counted(open, 'check')} could not be decided`;
  if (counts.length > 0) return [...counts, ...(unknown === '' ? [] : [unknown])].join(', ');
  if (unknown !== '') return `Nothing found, but ${unknown}`;
  if (report.exitCode !== 0) return 'Something is to be done';
  return report.checks.length === 0 ? 'Done' : 'Nothing found';
}

/** The first screen: the verdict, where and when, why it failed, and how much of what. */
export function drawVerdict(report: Report): string {
  const { command, target, text, error } = report;
  const of = target === undefined ? '' : ` of <bdi>${line(target.database)}</bdi>`;
  return [
    `<header class="sheet verdict ${toneOf(report)}">`,
    `<p class="faint">aisha-db ${line(command)}${of}</p>`,
    `<h1>${verdictOf(report)}</h1>`,
    optional('<p>', lines(text ?? ''), '</p>'),
    error === undefined ? '' : drawError(error),
    drawFacts(report),
    '</header>',
    drawTiles(report),
    drawLinks(report),
  ].join('\n');
}

function countOf(severity: Severity, report: Report): string {
  const count = ofSeverity(report, severity).length;
  if (count === 0) return '';
  return severity === 'warning' ? counted(count, 'warning') : `${quantity(count)} ${severity}`;
}

/** The colour of the whole: of the worst that was found. */
function toneOf(report: Report): string {
  if (report.error !== undefined || report.status === 'failed') return 'failed';
  const worst = WORST_FIRST.find((severity) => ofSeverity(report, severity).length > 0);
  if (worst === 'critical' || worst === 'warning') return worst;
  if (undecided(report).length > 0) return 'unknown';
  return report.exitCode === 0 ? 'ok' : 'warning';
}

function drawError({ code, message, details = [], hint, sqlState }: ReportError): string {
  const facts = [...details, ...(sqlState === undefined ? [] : [`SQLSTATE ${sqlState}`])];
  return [
    `<p class="error"><strong>${lines(message)}</strong> <code class="faint">${line(code)}</code></p>`,
    optional('<pre>', lines(facts.join('\n')), '</pre>'),
    optional('<p class="advice">', lines(hint ?? ''), '</p>'),
  ].join('');
}

function drawFacts({ target, startedAt, durationMs, exitCode, version }: Report): string {
  const facts: readonly (readonly [string, string])[] = [
    ...(target === undefined
      ? []
      : ([
          ['Database', `<bdi>${line(target.database)}</bdi> as <bdi>${line(target.user)}</bdi>`],
          ['Server', `<bdi>${line(target.host)}</bdi>:${target.port}${drawServer(target.serverVersion)}`],
        ] as const)),
    ['Started', `<time datetime="${line(startedAt)}">${line(startedAt.slice(0, 19).replace('T', ' '))} UTC</time>`],
    ['Took', quantity(durationMs, 'milliseconds')],
    ['Exit code', String(exitCode)],
    ['aisha-db', line(version)],
  ];
  return `<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>`;
}

function drawServer(version: string | undefined): string {
  return version === undefined ? '' : `, PostgreSQL ${line(version)}`;
}

function drawTiles(report: Report): string {
  if (report.checks.length + report.findings.length === 0) return '';
  const ofStatus = (status: string) => report.checks.filter((check) => check.status === status).length;
  const tiles: readonly Tile[] = [
    ...WORST_FIRST.map((severity) => ({ name: severity, count: ofSeverity(report, severity).length, link: severity })),
    { name: 'unknown', count: undecided(report).length, link: 'unknown' },
    { name: 'passed', count: ofStatus('passed'), link: 'checks' },
    { name: 'not applicable', count: ofStatus('not-applicable'), link: 'checks' },
  ];
  return `<nav aria-label="Results"><ul class="tiles">${tiles.map(drawTile).join('')}</ul></nav>`;
}

/** The parts of a long page; those of the findings are the numbers above. */
function drawLinks({ charts = [], tables = [], command, checks }: Report): string {
  const links = [
    ...(charts.length === 0 ? [] : ['<a href="#charts">Charts</a>']),
    ...tables.map(({ title = command }, index) => `<a href="#table-${index + 1}">${line(title)}</a>`),
    ...(checks.length === 0 ? [] : ['<a href="#checks">Checks</a>']),
  ];
  if (links.length < 2) return '';
  return `<nav aria-label="Parts of this page"><ul class="links">${links.map((link) => `<li>${link}</li>`).join('')}</ul></nav>`;
}

/** A zero has no colour and leads nowhere: what is coloured wants attention. */
function drawTile({ name, count, link }: Tile): string {
  if (count === 0) return `<li class="sheet"><b class="faint">0</b> ${name}</li>`;
  return `<li class="sheet ${name.replace(' ', '-')}"><a href="#${link}"><b class="tone">${count}</b> ${name}</a></li>`;
}
