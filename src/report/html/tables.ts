import type { ReportTable } from '../report.ts';
import { brief, line, lines } from './text.ts';

/** Longer tables are closed at first: what follows them shall be found. */
const MOST_OPEN_ROWS = 100;

/** A table of the report with its heading. */
export function drawTitledTable(table: ReportTable, index: number, fallback: string): string {
  const { title = fallback, rows } = table;
  const id = `table-${index + 1}`;
  const heading = `<h2 id="${id}">${line(title)}</h2>`;
  if (rows.length === 0) return `<section>${heading}<p class="faint">No rows.</p></section>`;
  const body = drawTable({ ...table, title });
  if (rows.length <= MOST_OPEN_ROWS) return `<section>${heading}${body}</section>`;
  return `<section>${heading}<details><summary>${rows.length} rows</summary>${body}</details></section>`;
}

/** The numbers behind a picture, closed at first. */
export function drawNumbers(table: ReportTable): string {
  return `<details class="numbers"><summary>Numbers</summary>${drawTable(table)}</details>`;
}

/** Rows in a box that scrolls sideways on a narrow screen, by keyboard too. */
function drawTable({ title = '', columns, rows, alignRight = [] }: ReportTable): string {
  const attributes = columns.map((_, index) => (alignRight.includes(index) ? ' class="number"' : ''));
  const head = columns.map((name, index) => `<th scope="col"${attributes[index]}>${line(name)}</th>`).join('');
  const body = rows.map((row) => {
    const cells = attributes.map((attribute, index) => `<td${attribute}>${lines(row[index] ?? '')}</td>`);
    return `<tr>${cells.join('')}</tr>`;
  });
  return (
    `<div class="scroll" role="group" tabindex="0" aria-label="${brief(title)}"><table><caption class="unseen">${line(title)}</caption>` +
    `<thead><tr>${head}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table></div>`
  );
}
