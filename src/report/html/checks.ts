import type { Check, Report } from '../report.ts';
import { type CheckOutcome, outcomes } from '../summary.ts';
import { line, lines } from './text.ts';

/** What wants attention first; within a status as the checks were asked. */
const ORDER: readonly Check['status'][] = ['failed', 'unknown', 'not-applicable', 'passed'];

/** A sign beside the word: nobody has to tell red from green. */
const SIGNS: Readonly<Record<Check['status'], string>> = {
  failed: '✗',
  unknown: '?',
  'not-applicable': '–',
  passed: '✓',
};

/** Every check that was asked, also those that found nothing. */
export function drawChecks(report: Report): string {
  if (report.checks.length === 0) return '';
  const asked = outcomes(report).slice(0, report.checks.length);
  const sorted = ORDER.flatMap((status) => asked.filter((outcome) => outcome.status === status));
  return [
    '<section id="checks" aria-labelledby="checks-title"><h2 id="checks-title">Checks</h2>',
    '<div class="scroll" role="group" tabindex="0" aria-label="Checks"><table><caption class="unseen">Checks</caption>',
    '<thead><tr><th scope="col">Status</th><th scope="col">Check</th><th scope="col" class="number">Findings</th><th scope="col">Reason</th></tr></thead>',
    `<tbody>${sorted.map(drawCheck).join('\n')}</tbody></table></div></section>`,
  ].join('\n');
}

function drawCheck({ id, title, status, reason, findings }: CheckOutcome): string {
  return (
    `<tr class="${status}"><td class="status tone"><span aria-hidden="true">${SIGNS[status]}</span> ${status.replace('-', ' ')}</td>` +
    `<th scope="row">${lines(title)}${title === id ? '' : ` <code class="faint">${line(id)}</code>`}</th>` +
    `<td class="number">${findings.length || ''}</td><td>${lines(reason ?? '')}</td></tr>`
  );
}
