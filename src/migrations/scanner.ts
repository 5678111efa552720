/**
 * A lexer of PostgreSQL's SQL over bytes: what psql and the server agree on about where a token ends
 * (PostgreSQL docs, "Lexical Structure"; src/backend/parser/scan.l). It reads 50 MB in a fraction of a second and
 * builds nothing, which is why big files are split with it rather than with a syntax tree.
 */

/** Kinds of token. Comments and white space are not tokens; they only separate. */
export const TOKEN = {
  end: 0,
  word: 1,
  quotedWord: 2,
  string: 3,
  number: 4,
  parameter: 5,
  semicolon: 6,
  open: 7,
  close: 8,
  /** `:name`, `:'name'`, `:"name"`: text to psql's rules, to be substituted only when the variable is set. */
  variable: 9,
  backslash: 10,
  symbol: 11,
} as const;
export type Token = (typeof TOKEN)[keyof typeof TOKEN];

/** What was still open at the end of the text, and where it began. */
export interface Unterminated {
  readonly what: 'string' | 'quoted identifier' | 'dollar-quoted string' | 'comment';
  readonly offset: number;
}

const LF = 10;
const CR = 13;
const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const STAR = 42;
const COLON = 58;
const BACKSLASH = 92;

// One table look-up a byte instead of a chain of comparisons: this loop runs once for each byte of every pending file.
const IDENT_START = 1;
const IDENT_PART = 2;
const DIGIT = 4;
const SPACE = 8;
const OPERATOR = 16;
const CLASS = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c >= 128;
  const digit = c >= 48 && c <= 57;
  if (letter) CLASS[c] = IDENT_START | IDENT_PART;
  else if (digit) CLASS[c] = DIGIT | IDENT_PART;
  else if (c === DOLLAR) CLASS[c] = IDENT_PART;
  else if (c === 32 || (c >= 9 && c <= 13)) CLASS[c] = SPACE;
}
for (const c of Buffer.from('~!@#^&|`?+-*/%<>=')) CLASS[c] = OPERATOR;
/** An operator may end in + or - only when one of these is in it. */
const OPERATOR_MARK = new Set(Buffer.from('~!@#^&|`?%'));

/** True for a byte that may stand inside the name of a psql variable. */
function isVariablePart(byte: number | undefined): boolean {
  return byte !== undefined && byte !== DOLLAR && (CLASS[byte]! & IDENT_PART) !== 0;
}

/** Reads one token after the other; `start` and `end` tell where the last one lies. */
export class Scanner {
  readonly text: Uint8Array;
  /** Offset of the first byte of the last token. */
  start = 0;
  /** Offset behind the last byte of the last token. */
  end: number;
  /** Whether a line break, and no block comment, lay before the last token: `'a'⏎'b'` is one literal, `'a' 'b'` is none. */
  newlineBefore = false;
  /** Set once the text ended inside a string, an identifier or a comment. */
  unterminated: Unterminated | undefined;
  readonly #limit: number;
  /** Where the last E'..' string ended: what continues it on another line has its escapes too. */
  #escapedTo = -1;
  /** The first carriage return behind the last comment that was looked through; -2 before any. */
  #carriageReturn = -2;

  constructor(text: Uint8Array, from = 0, limit = text.length) {
    this.text = text;
    this.end = from;
    this.#limit = limit;
  }

  /** Continues behind `offset`: for data that is no SQL (COPY rows, meta-commands). */
  skipTo(offset: number): void {
    this.end = offset;
  }

  next(): Token {
    const text = this.text;
    const limit = this.#limit;
    let at = this.end;
    const behind = at;
    let blockComment = false;
    this.newlineBefore = false;
    for (;;) {
      if (at >= limit) {
        this.start = this.end = limit;
        return TOKEN.end;
      }
      const c = text[at]!;
      const kind = CLASS[c]!;
      if (kind & SPACE) {
        if (c === LF || c === CR) this.newlineBefore = !blockComment;
        at++;
        continue;
      }
      this.start = at;
      if (kind & IDENT_START) return this.#word(at, c);
      if (kind & DIGIT) return this.#number(at);
      switch (c) {
        case MINUS:
          if (text[at + 1] === MINUS) {
            at = this.#lineEnd(at + 2);
            continue;
          }
          break;
        case SLASH:
          if (text[at + 1] === STAR) {
            at = this.#comment(at);
            blockComment = true;
            this.newlineBefore = false;
            continue;
          }
          break;
        case QUOTE:
          return this.#string(at, at + 1, this.#escapedTo === behind && this.newlineBefore);
        case DOUBLE_QUOTE:
          return this.#quotedWord(at, at + 1);
        case DOLLAR:
          return this.#dollar(at);
        case 59:
          this.end = at + 1;
          return TOKEN.semicolon;
        case 40:
          this.end = at + 1;
          return TOKEN.open;
        case 41:
          this.end = at + 1;
          return TOKEN.close;
        case COLON:
          return this.#colon(at);
        case BACKSLASH:
          this.end = at + 1;
          return TOKEN.backslash;
        case DOT:
          if (CLASS[text[at + 1] ?? 0]! & DIGIT) return this.#number(at);
          break;
      }
      this.end = kind & OPERATOR ? this.#operatorEnd(at) : at + 1;
      return TOKEN.symbol;
    }
  }

  /** The last token as text, ASCII letters in lower case: the server folds unquoted names the same way. */
  word(): string {
    return latin(this.text, this.start, this.end).toLowerCase();
  }

  /** The last token is a dot. */
  get isDot(): boolean {
    return this.end - this.start === 1 && this.text[this.start] === DOT;
  }

  #word(at: number, first: number): Token {
    const text = this.text;
    const limit = this.#limit;
    let end = at + 1;
    while (end < limit && CLASS[text[end]!]! & IDENT_PART) end++;
    if (end < limit && end - at === 1) {
      const next = text[end];
      // E'..' knows backslash escapes; B'..', X'..' and N'..' are plain.
      if (next === QUOTE) {
        const letter = first | 32;
        if (letter === 101) return this.#string(at, end + 1, true);
        if (letter === 98 || letter === 120 || letter === 110) return this.#string(at, end + 1, false);
      }
      if ((first | 32) === 117 && next === 38) {
        if (text[end + 1] === QUOTE) return this.#string(at, end + 2, false);
        if (text[end + 1] === DOUBLE_QUOTE) return this.#quotedWord(at, end + 2);
      }
    }
    this.end = end;
    return TOKEN.word;
  }

  #number(at: number): Token {
    const text = this.text;
    const limit = this.#limit;
    let end = at + 1;
    while (end < limit) {
      const c = text[end]!;
      if (CLASS[c]! & IDENT_PART && c !== DOLLAR) end++;
      else if (c === DOT && text[end + 1] !== DOT) end++;
      else if ((c === 43 || c === MINUS) && (text[end - 1]! | 32) === 101 && CLASS[text[end + 1] ?? 0]! & DIGIT) end++;
      else break;
    }
    this.end = end;
    return TOKEN.number;
  }

  /** As many characters as the server takes for one operator: `<-1` is `<` and `-1`, `@-1` is the operator `@-`. */
  #operatorEnd(at: number): number {
    const text = this.text;
    let end = at;
    let marked = false;
    for (; end < this.#limit && CLASS[text[end]!]! & OPERATOR; end++) {
      const next = text[end + 1];
      if (end > at && ((text[end] === MINUS && next === MINUS) || (text[end] === SLASH && next === STAR))) break;
      if (OPERATOR_MARK.has(text[end]!)) marked = true;
    }
    if (!marked) while (end > at + 1 && (text[end - 1] === MINUS || text[end - 1] === PLUS)) end--;
    return end;
  }

  #string(start: number, from: number, escapes: boolean): Token {
    const text = this.text;
    const limit = this.#limit;
    let at = from;
    for (;;) {
      const quote = text.indexOf(QUOTE, at);
      if (quote < 0 || quote >= limit) return this.#open('string', start, TOKEN.string);
      if (escapes) {
        // Not in the whole text: a file of many such strings and no backslash would be read once for each.
        const slash = at + text.subarray(at, quote).indexOf(BACKSLASH);
        if (slash >= at) {
          at = slash + 2;
          continue;
        }
      }
      if (text[quote + 1] === QUOTE && quote + 1 < limit) {
        at = quote + 2;
        continue;
      }
      this.end = quote + 1;
      if (escapes) this.#escapedTo = this.end;
      return TOKEN.string;
    }
  }

  #quotedWord(start: number, from: number): Token {
    const text = this.text;
    const limit = this.#limit;
    let at = from;
    for (;;) {
      const quote = text.indexOf(DOUBLE_QUOTE, at);
      if (quote < 0 || quote >= limit) return this.#open('quoted identifier', start, TOKEN.quotedWord);
      if (text[quote + 1] === DOUBLE_QUOTE && quote + 1 < limit) {
        at = quote + 2;
        continue;
      }
      this.end = quote + 1;
      return TOKEN.quotedWord;
    }
  }

  #dollar(at: number): Token {
    const text = this.text;
    const limit = this.#limit;
    let end = at + 1;
    if (end < limit && CLASS[text[end]!]! & DIGIT) {
      while (end < limit && CLASS[text[end]!]! & DIGIT) end++;
      this.end = end;
      return TOKEN.parameter;
    }
    if (end < limit && text[end] !== DOLLAR) {
      if (!(CLASS[text[end]!]! & IDENT_START)) {
        this.end = end;
        return TOKEN.symbol;
      }
      while (end < limit && isVariablePart(text[end])) end++;
    }
    if (end >= limit || text[end] !== DOLLAR) {
      this.end = at + 1;
      return TOKEN.symbol;
    }
    const close = findTag(text, at, end + 1, limit);
    if (close < 0) return this.#open('dollar-quoted string', at, TOKEN.string);
    this.end = close + (end + 1 - at);
    return TOKEN.string;
  }

  /** A line comment ends at a carriage return as well. Few files hold one: where the next is, is found out once. */
  #lineEnd(at: number): number {
    const { text } = this;
    if (this.#carriageReturn !== -1 && this.#carriageReturn < at) this.#carriageReturn = text.indexOf(CR, at);
    const feed = text.indexOf(LF, at);
    const stop = feed < 0 ? this.#limit : Math.min(feed, this.#limit);
    return this.#carriageReturn < 0 ? stop : Math.min(stop, this.#carriageReturn);
  }

  /** Comments nest in PostgreSQL, unlike in the SQL standard's older editions. */
  #comment(start: number): number {
    const text = this.text;
    const limit = this.#limit;
    let depth = 1;
    let at = start + 2;
    while (at < limit) {
      const c = text[at];
      if (c === SLASH && text[at + 1] === STAR) {
        depth++;
        at += 2;
      } else if (c === STAR && text[at + 1] === SLASH) {
        depth--;
        at += 2;
        if (depth === 0) return at;
      } else at++;
    }
    this.unterminated ??= { what: 'comment', offset: start };
    return limit;
  }

  #colon(at: number): Token {
    const text = this.text;
    const next = text[at + 1];
    // `::` is a cast and `:=` an assignment; neither can begin a variable.
    if (next === COLON || next === 61) {
      this.end = at + 2;
      return TOKEN.symbol;
    }
    const quoted = next === QUOTE || next === DOUBLE_QUOTE;
    let end = quoted ? at + 2 : at + 1;
    const nameStart = end;
    while (end < this.#limit && isVariablePart(text[end])) end++;
    if (end > nameStart && (!quoted || text[end] === next)) {
      this.end = quoted ? end + 1 : end;
      return TOKEN.variable;
    }
    this.end = at + 1;
    return TOKEN.symbol;
  }

  #open(what: Unterminated['what'], offset: number, token: Token): Token {
    this.unterminated ??= { what, offset };
    this.end = this.#limit;
    return token;
  }
}

/** Position of the closing `$tag$`, or -1. */
function findTag(text: Uint8Array, tagStart: number, from: number, limit: number): number {
  const tag = Buffer.from(text.buffer, text.byteOffset + tagStart, from - tagStart);
  const at = Buffer.from(text.buffer, text.byteOffset, limit).indexOf(tag, from);
  return at;
}

/** A short stretch of bytes as text, one character a byte: enough for keywords. */
export function latin(text: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) {
    let short = '';
    for (let i = start; i < end; i++) short += String.fromCharCode(text[i]!);
    return short;
  }
  return Buffer.from(text.buffer, text.byteOffset + start, end - start).toString('latin1');
}

/** Up to so many bytes a text is sooner put together than asked of a Buffer. */
const SHORT = 24;
