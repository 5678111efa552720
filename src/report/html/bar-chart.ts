import { quantity } from '../quantity.ts';
import type { BarChart, ReportTable, StackedChart, Unit } from '../report.ts';
import { drawNumbers } from './tables.ts';
import { brief, line } from './text.ts';

/** More bars than this are no picture any more; the rest is counted below it. */
const MOST_BARS = 40;
/** Colours of the style; more parts than these share them. */
const COLORS = 8;

interface Part {
  readonly name: string;
  readonly value: number;
}

interface Bar {
  readonly label: string;
  readonly parts: readonly Part[];
}

/**
 * Horizontal bars as the rows of a table: a label may be the text of a query and needs what HTML does with text, a screen
 * reader gets names and numbers, and only the bars themselves are SVG.
 */
export function drawBars(chart: BarChart): string {
  const bars = chart.bars.map(({ label, value }) => ({ label, parts: [{ name: '', value }] }));
  return drawBarTable(bars, chart.title, chart.unit);
}

/** The same with parts, a legend and, since parts are hard to compare by eye, their numbers. */
export function drawStacked(chart: StackedChart): string {
  const bars = chart.bars.map(({ label, values }) => ({
    label,
    parts: chart.parts.map((name, index) => ({ name, value: values[index] ?? 0 })),
  }));
  const legend = chart.parts.map((name, index) => `<li>${swatch(index)}${line(name)}</li>`).join('');
  return `<ul class="legend">${legend}</ul>${drawBarTable(bars, chart.title, chart.unit)}${drawNumbers(numbersOf(chart))}`;
}

function drawBarTable(bars: readonly Bar[], title: string, unit: Unit): string {
  const drawn = bars.slice(0, MOST_BARS);
  // Half of a hundred is half a bar.
  const longest = Math.max(...drawn.map(lengthOf), unit === 'percent' ? 100 : 0);
  const rows = drawn.map((bar) => drawBar(bar, longest, unit));
  const rest = bars.length - MOST_BARS;
  return [
    `<table class="bars"><caption class="unseen">${line(title)}</caption>`,
    '<colgroup><col class="names"><col><col class="values"></colgroup>',
    '<thead class="unseen"><tr><th scope="col">Name</th><td></td><th scope="col">Value</th></tr></thead>',
    `<tbody>${rows.join('\n')}</tbody></table>`,
    rest > 0 ? `<p class="faint">${rest} more are not drawn.</p>` : '',
  ].join('');
}

function drawBar(bar: Bar, longest: number, unit: Unit): string {
  const { label, parts } = bar;
  let start = 0;
  const rects = parts.flatMap(({ name, value }, index) => {
    const width = longest === 0 ? 0 : (100 * drawable(value)) / longest;
    const x = start;
    start += width;
    return width === 0 ? [] : [drawRect(x, width, index, hint(name, value, unit))];
  });
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  return (
    `<tr><th scope="row"><span class="clamp" title="${brief(label, 300)}">${line(label)}</span></th>` +
    `<td class="bar"><svg aria-hidden="true" width="100%" height="16">${rects.join('')}</svg></td>` +
    `<td class="number">${quantity(total, unit)}</td></tr>`
  );
}

/** A sliver that can be seen stands for a value that is small, but not nothing. */
function drawRect(x: number, width: number, index: number, title: string): string {
  const seen = Math.min(Math.max(width, 0.4), 100 - x);
  return `<rect class="c${index % COLORS}" x="${round(x)}%" width="${round(seen)}%" height="16"><title>${title}</title></rect>`;
}

function hint(name: string, value: number, unit: Unit): string {
  return name === '' ? quantity(value, unit) : `${brief(name)}: ${quantity(value, unit)}`;
}

function numbersOf({ title, parts, bars, unit }: StackedChart): ReportTable {
  return {
    title,
    columns: ['Name', ...parts],
    rows: bars.map(({ label, values }) => [label, ...values.map((value) => quantity(value, unit))]),
    alignRight: parts.map((_, index) => index + 1),
  };
}

/** A square in the colour of a part or line. */
export function swatch(index: number): string {
  return `<svg aria-hidden="true" width="12" height="12"><rect class="c${index % COLORS}" width="12" height="12" rx="2"/></svg>`;
}

function lengthOf({ parts }: Bar): number {
  return parts.reduce((sum, { value }) => sum + drawable(value), 0);
}

/** What has no length: less than nothing, and no number. */
function drawable(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
