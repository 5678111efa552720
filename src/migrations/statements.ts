import { RoutineBody } from './routine-body.ts';
import { Scanner, TOKEN, type Unterminated } from './scanner.ts';

/** One statement of a file: where it lies, and as much of its beginning as tells what it may be. */
export interface Statement {
  /** Offset of its first token. */
  readonly start: number;
  /** Offset behind its last token, without the semicolon. */
  readonly end: number;
  /** Leading keywords in lower case; filled only for statements that begin with one of WATCHED. */
  readonly words: readonly string[];
  /** The word CONCURRENTLY occurs in it, outside of strings and comments. */
  readonly concurrently: boolean;
}

/**
 * First words of statements that may need more than "send it inside the file's transaction". Everything that cannot
 * run in a transaction block, and all transaction control, begins with one of these (PostgreSQL docs, "SQL Commands";
 * PreventInTransactionBlock in the server's source). What such a statement really is, the syntax tree says (mode.ts).
 */
const WATCHED: ReadonlySet<string> = new Set([
  'abort',
  'alter',
  'begin',
  'call',
  'cluster',
  'commit',
  'copy',
  'create',
  'discard',
  'do',
  'drop',
  'end',
  'prepare',
  'reindex',
  'release',
  'reset',
  'rollback',
  'savepoint',
  'set',
  'start',
  'vacuum',
]);
const LONGEST_WATCHED = 9;

/** How many words tell what a statement may be: text is made of no more, for most of a file is CREATE. */
function wordsWanted([first, second]: readonly string[]): number {
  if (first === 'alter') return second === 'type' ? 8 : 2;
  return first === 'set' || first === 'reset' ? 3 : 2;
}

/** Splits SQL without psql's meta-commands into statements, lazily: a 50 MB file never exists as a list. */
export class StatementReader {
  readonly #scanner: Scanner;

  constructor(text: Uint8Array, from = 0, limit = text.length) {
    this.#scanner = new Scanner(text, from, limit);
  }

  /** What the text left open, once it has been read to its end. */
  get unterminated(): Unterminated | undefined {
    return this.#scanner.unterminated;
  }

  /** Offset of the first byte that has not been read. */
  get position(): number {
    return this.#scanner.end;
  }

  /** Continues at `offset`, which begins a statement. */
  skipTo(offset: number): void {
    this.#scanner.skipTo(offset);
  }

  /** The next statement, or `undefined` at the end; empty statements (`;;`) are passed over. */
  next(): Statement | undefined {
    const scanner = this.#scanner;
    let start = -1;
    let end = 0;
    let parens = 0;
    let words: string[] | undefined;
    let concurrently = false;
    let wanted = 2;
    let behindDot = false;
    const body = new RoutineBody();
    for (;;) {
      const token = scanner.next();
      if (token === TOKEN.end) return start < 0 ? undefined : { start, end, words: words ?? NO_WORDS, concurrently };
      if (token === TOKEN.semicolon && parens === 0 && body.depth === 0) {
        if (start < 0) continue;
        return { start, end, words: words ?? NO_WORDS, concurrently };
      }
      // Here a colon is the server's, not psql's: `a[1:case when b then 2 end]`.
      if (token === TOKEN.variable) scanner.skipTo(scanner.start + 1);
      end = scanner.end;
      if (start < 0) {
        start = scanner.start;
        if (token === TOKEN.word && end - start <= LONGEST_WATCHED) {
          const first = scanner.word();
          if (WATCHED.has(first)) {
            words = [first];
            if (first === 'create') body.watch();
          }
        }
        if (token === TOKEN.open) parens++;
        continue;
      }
      if (token === TOKEN.open) parens++;
      else if (token === TOKEN.close) {
        if (parens > 0) parens--;
      } else if (token === TOKEN.word) {
        if (words !== undefined && words.length < wanted) {
          words.push(scanner.word());
          if (words.length === 2) wanted = wordsWanted(words);
        }
        const length = end - scanner.start;
        if (length === 12 && !concurrently) concurrently = scanner.word() === 'concurrently';
        if (body.watching && parens === 0) body.word(scanner.word(), behindDot);
      }
      if (body.watching) behindDot = scanner.isDot;
    }
  }
}

const NO_WORDS: readonly string[] = [];

/** All statements at once: for files of ordinary size. */
export function readStatements(text: Uint8Array): { statements: Statement[]; unterminated: Unterminated | undefined } {
  const reader = new StatementReader(text);
  const statements: Statement[] = [];
  for (let s = reader.next(); s !== undefined; s = reader.next()) statements.push(s);
  return { statements, unterminated: reader.unterminated };
}
