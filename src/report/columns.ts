import { plain } from './plain.ts';
import type { ReportTable } from './report.ts';
import { pad, shorten, textWidth, wrap } from './text-width.ts';

const GAP = '  ';
/** Prose narrower than this is no longer read but spelled. */
const NARROWEST_PROSE = 16;
/** Of a name at least this much stays, or the row is written as a record. */
const NARROWEST_NAME = 10;

interface Column {
  readonly name: string;
  readonly width: number;
  /** Cells with spaces can be wrapped without losing anything. */
  readonly prose: boolean;
  readonly align: 'left' | 'right';
}

/**
 * A table as lines of aligned columns: heading, rule, rows. With a width, columns that hold nothing make room first,
 * columns of prose are wrapped next, then names are shortened in the middle, and when even that does not fit each row
 * becomes a record of `column  value` lines.
 * Without a width (a pipe, a file) every row is one whole line. Heading and rule are the first two lines, unless records.
 */
export function drawTable(table: ReportTable, width: number | undefined): string[] {
  const rows = table.rows.map((row) => table.columns.map((_, index) => plain(row[index] ?? '')));
  const natural = table.columns.map((name, index) => measure(table, name, index, rows));
  const empty = width === undefined || excessOf(natural, width) <= 0 ? [] : emptyColumns(rows, natural.length);
  if (empty.length > 0) return drawTable(without(table, empty), width);
  const columns = width === undefined ? natural : narrowTo(natural, width);
  if (columns === undefined) return drawRecords(natural, rows, width ?? 0);
  const heading = columns.map((column) => pad(shorten(column.name, column.width), column.width, column.align));
  const rule = columns.map((column) => '-'.repeat(column.width));
  return [
    heading.join(GAP).trimEnd(),
    rule.join(GAP),
    ...rows.flatMap((row) => (columns === natural ? [drawLine(row, columns)] : drawRow(row, columns))),
  ];
}

function measure(table: ReportTable, heading: string, index: number, rows: readonly (readonly string[])[]): Column {
  const name = plain(heading);
  let width = textWidth(name);
  let prose = false;
  for (const row of rows) {
    const cell = row[index] ?? '';
    width = Math.max(width, textWidth(cell));
    prose ||= cell.includes(' ');
  }
  return { name, width, prose, align: table.alignRight?.includes(index) ? 'right' : 'left' };
}

/** Columns (by index) without a value in any row. */
function emptyColumns(rows: readonly (readonly string[])[], count: number): readonly number[] {
  if (rows.length === 0) return [];
  return Array.from({ length: count }, (_, index) => index).filter((index) => rows.every((row) => row[index] === ''));
}

function without(table: ReportTable, columns: readonly number[]): ReportTable {
  const kept = table.columns.map((_, index) => index).filter((index) => !columns.includes(index));
  const pick = (cells: readonly string[]) => kept.map((index) => cells[index] ?? '');
  const alignRight = (table.alignRight ?? []).map((index) => kept.indexOf(index));
  return { ...table, columns: pick(table.columns), rows: table.rows.map(pick), alignRight };
}

function excessOf(columns: readonly Column[], width: number): number {
  return columns.reduce((sum, column) => sum + column.width, GAP.length * (columns.length - 1)) - width;
}

/** The columns narrowed to a total width; `undefined` when they would be narrower than can be read. */
function narrowTo(columns: readonly Column[], width: number): readonly Column[] | undefined {
  const excess = (candidates: readonly Column[]) => excessOf(candidates, width);
  if (excess(columns) <= 0) return columns;
  const wrapped = narrow(columns, excess(columns), (column) => (column.prose ? NARROWEST_PROSE : column.width));
  const shortened = narrow(wrapped, excess(wrapped), (column) => Math.min(column.width, NARROWEST_NAME));
  return excess(shortened) <= 0 ? shortened : undefined;
}

/** Takes columns away from the widest first, so that narrow ones stay whole. */
function narrow(columns: readonly Column[], excess: number, floor: (column: Column) => number): readonly Column[] {
  const widths = columns.map((column) => column.width);
  const floors = columns.map(floor);
  for (let left = excess; left > 0; left--) {
    const spare = widths.map((width, index) => (width > (floors[index] ?? 0) ? width : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if (spare[widest] === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return columns.map((column, index) => ({ ...column, width: widths[index] ?? column.width }));
}

function drawRow(row: readonly string[], columns: readonly Column[]): string[] {
  const cells = columns.map(({ width, prose }, index) => (prose ? wrap : shortenToLines)(row[index] ?? '', width));
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, line) =>
    drawLine(
      cells.map((cell) => cell[line] ?? ''),
      columns,
    ),
  );
}

function shortenToLines(cell: string, width: number): string[] {
  return [shorten(cell, width)];
}

function drawLine(cells: readonly string[], columns: readonly Column[]): string {
  return columns
    .map(({ width, align }, index) => pad(cells[index] ?? '', width, align))
    .join(GAP)
    .trimEnd();
}

function drawRecords(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const label = Math.max(...columns.map((column) => textWidth(column.name)));
  const room = Math.max(NARROWEST_PROSE, width - label - GAP.length);
  return rows.flatMap((row, number) => [
    ...(number === 0 ? [] : ['']),
    ...columns.flatMap(({ name }, index) =>
      wrap(row[index] ?? '', room).map((text, line) => `${pad(line === 0 ? name : '', label)}${GAP}${text}`.trimEnd()),
    ),
  ]);
}
