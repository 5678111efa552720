/** A value of a row before it is written; an object or array is JSON. */
type Cell = string | number | boolean | null | Date | Json;

/** What jsonb takes. */
export type Json = readonly unknown[] | { readonly [key: string]: unknown };

/** One row: a value for each column that is written. */
export type Row = Readonly<Record<string, Cell>>;

/** A row as a line of COPY's text format (PostgreSQL docs, COPY, "Text Format"). */
export function copyLine(row: Row): string {
  let line = '';
  for (const column in row) line += `${line === '' ? '' : '\t'}${copyField(row[column]!)}`;
  return `${line}\n`;
}

function copyField(value: Cell): string {
  if (value === null) return '\\N';
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Date) return momentText(value);
  return escaped(JSON.stringify(value));
}

const DAY = 86_400_000;
const days = new Map<number, string>();

/** ISO 8601 in UTC, to the second. Of three moments in a row most fall on a day that was written before. */
function momentText(moment: Date): string {
  const time = moment.getTime();
  const day = Math.floor(time / DAY);
  let text = days.get(day);
  if (text === undefined) {
    text = moment.toISOString().slice(0, 11);
    days.set(day, text);
  }
  const seconds = Math.floor((time - day * DAY) / 1_000);
  return `${text}${twoDigits(Math.floor(seconds / 3_600))}:${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}Z`;
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character]!) : text;
}

/** The text of an array of text (PostgreSQL docs 8.15.6). */
export function textArray(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
