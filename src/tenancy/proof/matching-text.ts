/** More than this is not repeated where a pattern leaves it open. */
const MOST_REPEATS = 8;

const DIGITS = [...'0123456789'];
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];
const WORDS = [...LETTERS, ...LETTERS.map((letter) => letter.toUpperCase()), ...DIGITS];
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  d: DIGITS,
  w: WORDS,
  s: [' '],
  '[:alpha:]': LETTERS,
  '[:lower:]': LETTERS,
  '[:upper:]': LETTERS.map((letter) => letter.toUpperCase()),
  '[:digit:]': DIGITS,
  '[:alnum:]': WORDS,
  '[:space:]': [' '],
  '[:xdigit:]': [...'0123456789abcdef'],
};

/**
 * A text that a regular expression of a CHECK takes: `^[A-Z]{2}\d{3}$` takes `QX731`. Of what such checks are made of:
 * letters, classes, groups, alternatives and repeats; `undefined` for what else there is, such as a look ahead.
 * @param token hexadecimal digits; another token makes another text where the pattern leaves a choice
 */
export function textMatching(pattern: string, token: string): string | undefined {
  const reader = new Reader(pattern, token);
  try {
    const text = reader.alternatives();
    return reader.isAtEnd ? text : undefined;
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

class Unreadable extends Error {}

class Reader {
  readonly #pattern: string;
  readonly #token: string;
  #at = 0;
  #chosen = 0;

  constructor(pattern: string, token: string) {
    this.#pattern = pattern;
    this.#token = token;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  /** The first of `a|b|c`; the others are read and left. */
  alternatives(): string {
    const [first] = this.#branches();
    return first!();
  }

  #branches(): (() => string)[] {
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    return branches;
  }

  #sequence(): () => string {
    const parts: (() => string)[] = [];
    while (!this.isAtEnd && !'|)'.includes(this.#next)) parts.push(this.#repeated(this.#atom()));
    return () => parts.map((part) => part()).join('');
  }

  #atom(): () => string {
    const letter = this.#pattern[this.#at++]!;
    if (letter === '^' || letter === '$') return () => '';
    if (letter === '.') return () => this.#choose(LETTERS);
    if (letter === '(') return this.#group();
    if (letter === '[') return this.#class();
    if (letter === '\\') return this.#escaped();
    if ('*+?{'.includes(letter)) throw new Unreadable();
    return () => letter;
  }

  #group(): () => string {
    if (this.#take('?') && !this.#take(':')) throw new Unreadable();
    const [first] = this.#branches();
    if (!this.#take(')')) throw new Unreadable();
    return first!;
  }

  #escaped(): () => string {
    const letter = this.#pattern[this.#at++] ?? '';
    if (/[mMyAZ]/.test(letter)) return () => '';
    const known = CLASSES[letter];
    if (known !== undefined) return () => this.#choose(known);
    if (/[\p{L}\p{N}]/u.test(letter)) throw new Unreadable();
    return () => letter;
  }

  #class(): () => string {
    const isNegated = this.#take('^');
    const members: string[] = [];
    for (let first = true; first || this.#next !== ']'; first = false) {
      if (this.isAtEnd) throw new Unreadable();
      members.push(...this.#member());
    }
    this.#at++;
    const among = isNegated ? WORDS.filter((letter) => !members.includes(letter)) : members;
    if (among.length === 0) throw new Unreadable();
    return () => this.#choose(among);
  }

  #member(): readonly string[] {
    const named = /^\[:\w+:\]/.exec(this.#pattern.slice(this.#at))?.[0];
    if (named !== undefined) {
      this.#at += named.length;
      return CLASSES[named] ?? [];
    }
    const letter = this.#pattern[this.#at++]!;
    if (letter === '\\') {
      const escaped = this.#pattern[this.#at++] ?? '';
      return CLASSES[escaped] ?? [escaped];
    }
    const end = this.#pattern[this.#at + 1];
    if (this.#next !== '-' || end === undefined || end === ']') return [letter];
    this.#at += 2;
    const [from, to] = [letter.codePointAt(0)!, end.codePointAt(0)!];
    return Array.from({ length: Math.min(Math.max(0, to - from + 1), 128) }, (_, at) =>
      String.fromCodePoint(from + at),
    );
  }

  #repeated(part: () => string): () => string {
    const [least, most] = this.#repeats();
    this.#take('?');
    const count = Math.max(least, Math.min(most, Math.max(least, MOST_REPEATS)));
    return () => Array.from({ length: count }, () => part()).join('');
  }

  #repeats(): readonly [number, number] {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    const [all, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(this.#pattern.slice(this.#at)) ?? [];
    if (all === undefined) return [1, 1];
    this.#at += all.length;
    const from = Number(least);
    return [from, comma === '' ? from : most === '' ? Number.POSITIVE_INFINITY : Number(most)];
  }

  /** Another one for each place, and for each token. */
  #choose(among: readonly string[]): string {
    const at = this.#chosen++ % this.#token.length;
    const digit = Number.parseInt(this.#token.slice(at, at + 2).padEnd(2, '7'), 16);
    return among[(digit + this.#chosen) % among.length]!;
  }

  get #next(): string {
    return this.#pattern[this.#at] ?? '';
  }

  #take(letter: string): boolean {
    if (this.#next !== letter) return false;
    this.#at++;
    return true;
  }
}
