import { quantity } from '../quantity.ts';
import type { ReportTable, TimeChart, TimePoint, Unit } from '../report.ts';
import { swatch } from './bar-chart.ts';
import { drawNumbers } from './tables.ts';
import { brief, line } from './text.ts';

/** In units of the picture; it grows and shrinks with its column. */
const WIDTH = 560;
const HEIGHT = 240;
const PLOT = { left: 64, right: WIDTH - 14, top: 12, bottom: HEIGHT - 30 };
const TICKS = 5;
/** Beyond this many points of a line their dots would hide it. */
const MOST_DOTS = 60;
const COLORS = 8;
const DAY = 86_400_000;
const LARGE = [
  [1e9, ' G'],
  [1e6, ' M'],
  [1e3, ' k'],
] as const;

interface Point {
  readonly time: number;
  readonly value: number;
}

interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

interface Scale {
  readonly ticks: readonly number[];
  /** Place of a value in the picture. */
  at(value: number): number;
}

/** Lines over time: the picture, its legend and its numbers. */
export function drawTime({ title, unit, lines }: TimeChart): string {
  const drawn = lines.map(({ label, points }) => ({ label, points: points.flatMap(readPoint) }));
  const points = drawn.flatMap((each) => each.points);
  if (points.length === 0) return '<p class="faint">There is no point in time to draw yet.</p>';
  const x = timeScale(points.map(({ time }) => time));
  const y = valueScale(
    points.map(({ value }) => value),
    unit,
  );
  const picture = [
    ...y.ticks.map((value) => drawValueTick(value, y, unit)),
    ...x.ticks.map((time) => drawTimeTick(time, x)),
    ...drawn.map((each, index) => drawLine(each, index, x, y, unit)),
  ];
  return [
    `<svg class="plot" role="img" aria-label="${describe(title, drawn, unit)}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    ...picture,
    '</svg>',
    `<ul class="legend">${drawn.map(({ label }, index) => `<li>${swatch(index)}<span class="clamp" title="${brief(label, 300)}">${line(label)}</span></li>`).join('')}</ul>`,
    drawNumbers(numbersOf(title, drawn, unit)),
  ].join('\n');
}

/** A point that has no place on paper is left out. */
function readPoint({ at, value }: TimePoint): readonly Point[] {
  const time = Date.parse(at);
  return Number.isFinite(time) && Number.isFinite(value) ? [{ time, value }] : [];
}

function timeScale(times: readonly number[]): Scale {
  const first = lowest(times);
  const last = highest(times);
  // One moment alone stands in the middle.
  const [from, to] = first === last ? [first - DAY, last + DAY] : [first, last];
  const steps = first === last ? [0.5] : [0, 0.25, 0.5, 0.75, 1];
  const at = (time: number) => PLOT.left + ((time - from) / (to - from)) * (PLOT.right - PLOT.left);
  return { ticks: steps.map((step) => from + step * (to - from)), at };
}

/** From 0, unless the values lie far away from it: growth of a few percent is what the picture is for. */
function valueScale(values: readonly number[], unit: Unit): Scale {
  const least = lowest(values);
  const most = highest(values);
  const base = least === most ? Math.min(0, least) : least >= 0 && least < 0.6 * most ? 0 : least;
  const step = niceStep((most - base || Math.abs(most) || 1) / (TICKS - 1), unit);
  const from = Math.floor(base / step) * step;
  const count = Math.max(1, Math.ceil((most - from) / step - 1e-9));
  const to = from + count * step;
  const at = (value: number) => PLOT.bottom - ((value - from) / (to - from)) * (PLOT.bottom - PLOT.top);
  return { ticks: Array.from({ length: count + 1 }, (_, index) => from + index * step), at };
}

/** The next round number: 1, 2 or 5 with zeros, for bytes in units of 1024. */
function niceStep(step: number, unit: Unit): number {
  const scale = unit === 'bytes' ? 1024 ** Math.max(0, Math.floor(Math.log(step) / Math.log(1024))) : 1;
  const magnitude = 10 ** Math.floor(Math.log10(step / scale));
  const rounded = [1, 2, 5, 10].find((digit) => digit * magnitude * scale >= step * (1 - 1e-9)) ?? 10;
  return Math.max(rounded * magnitude * scale, unit === 'bytes' ? 1 : 0);
}

function drawValueTick(value: number, y: Scale, unit: Unit): string {
  const place = round(y.at(value));
  return (
    `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${place}" y2="${place}"/>` +
    `<text x="${PLOT.left - 8}" y="${place + 4}" text-anchor="end">${tickText(value, unit)}</text>`
  );
}

/** Short enough for the margin: 120 M. */
function tickText(value: number, unit: Unit): string {
  const [size, name] = LARGE.find(([least]) => unit === 'count' && Math.abs(value) >= 10 * least) ?? [1, ''];
  return `${quantity(value / size, unit)}${name}`;
}

function drawTimeTick(time: number, x: Scale): string {
  const place = round(x.at(time));
  const [first, last] = [x.ticks[0] ?? time, x.ticks.at(-1) ?? time];
  const anchor = x.ticks.length === 1 ? 'middle' : time === first ? 'start' : time === last ? 'end' : 'middle';
  return `<text x="${place}" y="${HEIGHT - 8}" text-anchor="${anchor}">${moment(time, last - first)}</text>`;
}

/** The day, or within two days the time of day; UTC as everywhere in a report. */
function moment(time: number, span: number): string {
  const text = new Date(time).toISOString();
  return span === 0 || span >= 2 * DAY ? text.slice(0, 10) : text.slice(11, 16);
}

function drawLine({ label, points }: Line, index: number, x: Scale, y: Scale, unit: Unit): string {
  const place = ({ time, value }: Point) => [round(x.at(time)), round(y.at(value))] as const;
  const color = `c${index % COLORS}`;
  const path = points.map((point) => place(point).join(',')).join(' ');
  const dots = points.length > MOST_DOTS ? [] : points;
  return [
    `<polyline class="line ${color} dash${index % 3}" points="${path}"/>`,
    ...dots.map((point) => {
      const [cx, cy] = place(point);
      const title = `${brief(label)}, ${when(point.time)}: ${quantity(point.value, unit)}`;
      return `<circle class="${color}" cx="${cx}" cy="${cy}" r="3"><title>${title}</title></circle>`;
    }),
  ].join('');
}

/** What a screen reader says of the picture: where each line begins and ends. */
function describe(title: string, lines: readonly Line[], unit: Unit): string {
  const stories = lines.slice(0, 3).map(({ label, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return `${brief(label, 40)} has no points`;
    return `${brief(label, 40)} from ${quantity(first.value, unit)} on ${when(first.time)} to ${quantity(last.value, unit)} on ${when(last.time)}`;
  });
  const rest = lines.length > 3 ? [`${lines.length - 3} more lines`] : [];
  return `${brief(title)}: ${[...stories, ...rest].join('; ')}`;
}

function numbersOf(title: string, lines: readonly Line[], unit: Unit): ReportTable {
  const rows = lines.flatMap(({ label, points }) =>
    points.map(({ time, value }) => [label, when(time), quantity(value, unit)]),
  );
  return { title, columns: ['Name', 'When', 'Value'], rows, alignRight: [2] };
}

function when(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Of more numbers than a function takes as arguments. */
function lowest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
