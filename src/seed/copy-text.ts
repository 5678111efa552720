/** A value of a row before it is written; an object or array is JSON. */
type Cell = string | number | boolean | null | Date | Json;

/** What jsonb takes. */
export type Json = readonly unknown[] | { readonly [key: string]: unknown };

/** One row: a value for each column that is written. */
export type Row = Readonly<Record<string, Cell>>;

const TAB = 9;
const NEWLINE = 10;
const BACKSLASH = 92;
const ZERO = 48;
const COLON = 58;
const ZULU = 90;

/** By the code of a character of ASCII: that of the one that stands for it after a backslash, or 0. */
const ESCAPES = new Uint8Array(128);
for (const [character, substitute] of Object.entries({ '\\': '\\', '\t': 't', '\n': 'n', '\r': 'r' }))
  ESCAPES[character.charCodeAt(0)] = substitute.charCodeAt(0);

/** Rows in COPY's text format (PostgreSQL docs, COPY, "Text Format"), as bytes: strings of a row are a string too many. */
export class CopyText {
  #bytes: Buffer;
  #length = 0;

  /** @param size bytes that are expected; more are taken */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** Bytes. */
  get length(): number {
    return this.#length;
  }

  /** What was added so far; it is not to be added to after that. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(row: Row): void {
    const cells = Object.values(row);
    for (let at = 0; at < cells.length; at++) {
      if (at > 0) this.#byte(TAB);
      this.#cell(cells[at]!);
    }
    this.#byte(NEWLINE);
  }

  #cell(value: Cell): void {
    if (typeof value === 'string') this.#text(value);
    else if (value === null) this.#plain('\\N');
    else if (typeof value === 'number') this.#plain(String(value));
    else if (typeof value === 'boolean') this.#plain(value ? 't' : 'f');
    else if (value instanceof Date) this.#moment(value);
    else this.#text(JSON.stringify(value));
  }

  #byte(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = code;
  }

  /** ASCII that needs no escaping. */
  #plain(text: string): void {
    this.#reserve(text.length);
    const [bytes, start] = [this.#bytes, this.#length];
    for (let at = 0; at < text.length; at++) bytes[start + at] = text.charCodeAt(at);
    this.#length = start + text.length;
  }

  #text(text: string): void {
    this.#reserve(2 * text.length);
    const bytes = this.#bytes;
    let length = this.#length;
    let at = 0;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) break;
      const substitute = ESCAPES[code]!;
      if (substitute !== 0) bytes[length++] = BACKSLASH;
      bytes[length++] = substitute === 0 ? code : substitute;
    }
    this.#length = length;
    if (at < text.length) this.#wide(text.slice(at));
  }

  /** A text that is not all ASCII. */
  #wide(text: string): void {
    const escaped = text.replaceAll(/[\\\t\n\r]/g, (special) => {
      return `\\${String.fromCharCode(ESCAPES[special.charCodeAt(0)]!)}`;
    });
    this.#reserve(3 * escaped.length);
    this.#length += this.#bytes.write(escaped, this.#length);
  }

  /** ISO 8601 in UTC, to the second. */
  #moment(moment: Date): void {
    const time = moment.getTime();
    const day = Math.floor(time / DAY);
    const seconds = Math.floor((time - day * DAY) / 1_000);
    this.#plain(dayText(day));
    this.#twoDigits(Math.floor(seconds / 3_600), COLON);
    this.#twoDigits(Math.floor(seconds / 60) % 60, COLON);
    this.#twoDigits(seconds % 60, ZULU);
  }

  #twoDigits(number: number, next: number): void {
    this.#byte(ZERO + Math.floor(number / 10));
    this.#byte(ZERO + (number % 10));
    this.#byte(next);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const DAY = 86_400_000;
const days = new Map<number, string>();

/** `2025-01-15T`; days come again and again. */
function dayText(day: number): string {
  let text = days.get(day);
  if (text === undefined) {
    text = new Date(day * DAY).toISOString().slice(0, 11);
    days.set(day, text);
  }
  return text;
}

/** The text of an array of text (PostgreSQL docs 8.15.6). */
export function textArray(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
