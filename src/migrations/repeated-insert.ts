const LF = 10;
const QUOTE = 39;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const DOT = 46;
const SEMICOLON = 59;
const BACKSLASH = 92;

/** An INSERT up to its first value; no comment, string or quoted name that would need a lexer. */
const HEAD = /^insert\s+into\s+[\w.]+\s*(?:\([\w\s,]*\)\s*)?values\s*\(/i;

/** No head is longer (bytes). */
const LONGEST_HEAD = 2048;

const WORDS = ['null', 'true', 'false'].map((word) => Buffer.from(word));

/**
 * Recognises, at a statement's first byte, the same INSERT again with other constants: `insert into t (a, b) values
 * (1, 'x');`. A dump is made of a few statements that a million rows repeat. The grammar of PostgreSQL takes any
 * constant where it took an expression of VALUES (docs, "VALUES"), so what was accepted once need not be parsed again.
 * Strings with a backslash, exponents and everything else that is not plainly a constant are not recognised.
 */
export class RepeatedInsert {
  readonly #text: Uint8Array;
  #head: Uint8Array | undefined;

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  /** Takes a statement as the one that may be repeated. */
  learn(start: number, end: number): void {
    const text = Buffer.from(this.#text.buffer, this.#text.byteOffset, this.#text.length);
    const head = HEAD.exec(text.toString('latin1', start, Math.min(end, start + LONGEST_HEAD)))?.[0];
    if (head !== undefined) this.#head = this.#text.subarray(start, start + head.length);
  }

  /** Offset behind the semicolon when the text at `start` is the learnt statement again, else -1. */
  endOfRepeat(start: number): number {
    const text = this.#text;
    const head = this.#head;
    if (head === undefined) return -1;
    for (let i = 0; i < head.length; i++) if (text[start + i] !== head[i]) return -1;
    let at = start + head.length;
    for (;;) {
      at = this.#constant(this.#blanks(at));
      if (at < 0) return -1;
      at = this.#blanks(at);
      if (text[at] === COMMA) {
        at++;
        continue;
      }
      if (text[at] !== CLOSE) return -1;
      at = this.#blanks(at + 1);
      if (text[at] === SEMICOLON) return at + 1;
      // The next row of the same statement.
      if (text[at] !== COMMA) return -1;
      at = this.#blanks(at + 1);
      if (text[at] !== OPEN) return -1;
      at++;
    }
  }

  #blanks(at: number): number {
    while (this.#text[at] === 32 || this.#text[at] === LF) at++;
    return at;
  }

  /** Offset behind a string, a number, NULL, TRUE or FALSE; -1 when there is none. */
  #constant(at: number): number {
    const text = this.#text;
    const first = text[at]!;
    if (first === QUOTE) return this.#string(at + 1);
    const from = first === 45 || first === 43 ? at + 1 : at;
    if (isDigit(text[from])) return this.#number(from);
    const word = WORDS.find((w) => w.every((letter, i) => (text[at + i]! | 32) === letter));
    return word === undefined ? -1 : at + word.length;
  }

  #string(from: number): number {
    const text = this.#text;
    for (let at = from; at < text.length; at++) {
      const c = text[at];
      if (c === BACKSLASH) return -1;
      if (c !== QUOTE) continue;
      if (text[at + 1] !== QUOTE) return at + 1;
      at++;
    }
    return -1;
  }

  #number(from: number): number {
    const text = this.#text;
    let at = from;
    while (isDigit(text[at])) at++;
    if (text[at] === DOT && isDigit(text[at + 1])) {
      at++;
      while (isDigit(text[at])) at++;
    }
    return at;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}
