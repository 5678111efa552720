import { quantity } from '../quantity.ts';
import { isSentence } from '../remediation.ts';
import type { Check, Finding, Report, Severity } from '../report.ts';
import { type CheckOutcome, ofSeverity, outcomes, undecided, WORST_FIRST } from '../summary.ts';
import { brief, line, lines, optional } from './text.ts';

/** A check that found more is closed at first: five lines tell of 2,000 findings. */
const MOST_OPEN_FINDINGS = 20;
/** Fewer findings are seen at a glance. */
const FEWEST_TO_FILTER = 6;

/** All findings by severity, then by check, with a filter when there are many. */
export function drawFindings(report: Report): string {
  if (report.findings.length === 0) return '';
  return [
    '<section id="findings" aria-labelledby="findings-title">',
    '<h2 id="findings-title">Findings</h2>',
    report.findings.length < FEWEST_TO_FILTER ? '' : drawFilter(report),
    ...WORST_FIRST.map((severity) => drawSeverity(severity, report)),
    '</section>',
  ].join('\n');
}

/** What nobody could look at, and what would let it be looked at. */
export function drawUndecided(report: Report): string {
  const checks = undecided(report);
  if (checks.length === 0) return '';
  const items = checks.map(({ id, title, reason, remediation }) => {
    const heading = `<h3>${lines(title)}</h3>${title === id ? '' : `<code class="faint">${line(id)}</code>`}`;
    return `<li class="sheet unknown"><div class="head">${heading}</div><p>${lines(reason ?? 'The reason is not known.')}</p>${drawFix(remediation, title)}</li>`;
  });
  return `<section id="unknown" aria-labelledby="unknown-title"><h2 id="unknown-title">Could not be decided</h2>\n<ul class="list">${items.join('\n')}</ul></section>`;
}

function drawFilter({ findings, checks }: Report): string {
  const known = new Map(checks.map((check) => [check.id, check]));
  const ids = [...new Set(findings.map(({ check }) => check))];
  const titles = ids.map((id) => [id, known.get(id)?.title ?? id] as const).sort(([, a], [, b]) => compare(a, b));
  const categories = [...new Set(ids.map((id) => known.get(id)?.category ?? ''))].filter((name) => name !== '').sort();
  const severities = WORST_FIRST.filter((severity) => findings.some((finding) => finding.severity === severity));
  return [
    '<form id="filter" role="search" aria-label="Findings">',
    '<label class="field">Search<input type="search" name="text" autocomplete="off" spellcheck="false"></label>',
    drawChoice(
      'category',
      'Category',
      categories.map((name) => [name, name]),
    ),
    drawChoice('check', 'Check', titles),
    `<fieldset><legend>Severity</legend>${severities.map(drawBox).join('')}</fieldset>`,
    '<div class="buttons"><button type="button" data-open="yes">Open all</button><button type="button" data-open="no">Close all</button><button type="reset">Clear</button></div>',
    `<output aria-live="polite">${findings.length} findings</output>`,
    '</form>',
  ].join('');
}

/** A choice among one is none. */
function drawChoice(name: string, label: string, options: readonly (readonly [string, string])[]): string {
  if (options.length < 2) return '';
  const items = options.map(([value, text]) => `<option value="${line(value)}">${brief(text, 60)}</option>`);
  return `<label class="field">${label}<select name="${name}"><option value="">All</option>${items.join('')}</select></label>`;
}

function drawBox(severity: Severity): string {
  return `<label><input type="checkbox" name="severity" value="${severity}" checked>${severity}</label>`;
}

function drawSeverity(severity: Severity, report: Report): string {
  const count = ofSeverity(report, severity).length;
  if (count === 0) return '';
  const groups = outcomes(report).map((outcome) => drawGroup(outcome, severity));
  return [
    `<section class="severity ${severity}" id="${severity}" aria-labelledby="${severity}-title">`,
    `<h3 id="${severity}-title" class="tone">${severity}</h3>`,
    ...groups,
    '</section>',
  ].join('\n');
}

/** What one check found of one severity. */
function drawGroup(outcome: CheckOutcome, severity: Severity): string {
  const { id, title, category = '', description } = outcome;
  const findings = outcome.findings.filter((finding) => finding.severity === severity);
  if (findings.length === 0) return '';
  const fixes = findings.filter(({ remediation }) => remediation !== undefined && !isSentence(remediation));
  const open = findings.length <= MOST_OPEN_FINDINGS ? ' open' : '';
  return [
    `<details class="group sheet" data-severity="${severity}" data-check="${line(id)}" data-category="${line(category)}"${open}>`,
    `<summary><h4>${lines(title)}</h4>${title === id ? '' : `<code class="faint">${line(id)}</code>`}<span class="count">${findings.length}</span></summary>`,
    optional('<p class="faint">', lines(description ?? ''), '</p>'),
    fixes.length < 2 ? '' : `<button type="button" class="copy" data-copy="all">Copy all fixes</button>`,
    `<ul class="list">${findings.map(drawFinding).join('\n')}</ul>`,
    '</details>',
  ].join('');
}

function drawFinding({ object, message, remediation, metric, unit }: Finding): string {
  const measured =
    metric === undefined || unit === undefined ? '' : `<span class="metric">${quantity(metric, unit)}</span>`;
  return `<li class="finding"><div class="head"><code class="object">${line(object)}</code>${measured}</div><p>${lines(message)}</p>${drawFix(remediation, object)}</li>`;
}

/** SQL and commands to copy; advice to read. */
function drawFix(remediation: Check['remediation'], of: string): string {
  if (remediation === undefined) return '';
  if (isSentence(remediation)) return `<p class="advice">${lines(remediation)}</p>`;
  return `<div class="fix"><pre>${lines(remediation)}</pre><button type="button" class="copy" data-copy="one" aria-label="Copy the fix of ${brief(of, 60)}">Copy</button></div>`;
}

/** By code point: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
