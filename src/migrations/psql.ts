import { RoutineBody } from './routine-body.ts';
import { latin, Scanner, TOKEN } from './scanner.ts';

/** Rows of a `COPY ... FROM STDIN` that stand in the file, to be sent when the server asks for them. */
interface CopyData {
  /** Offset in the expanded SQL behind the COPY statement's semicolon. */
  readonly behind: number;
  readonly rows: Uint8Array;
}

/** Where a stretch of the expanded SQL comes from. */
interface Piece {
  readonly at: number;
  readonly source: Source;
  readonly offset: number;
  /** False for text put in place of a variable: every position in it is the variable's. */
  readonly verbatim: boolean;
}

interface Source {
  readonly file: string;
  readonly text: Uint8Array;
}

export interface PsqlProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint: string;
}

/** A file as the server gets it: psql's own language carried out, data set apart. */
export interface Expanded {
  readonly sql: Uint8Array;
  readonly copies: readonly CopyData[];
  readonly echoes: readonly string[];
  readonly problems: readonly PsqlProblem[];
  /** Files read by `\i` and `\ir`, relative to the folder, in the order they are read. */
  readonly includes: readonly { readonly file: string; readonly text: Uint8Array }[];
  /** Source file and position (1-based) of an offset in `sql`. */
  locate(offset: number): Place;
}

export interface Place {
  readonly file: string;
  readonly line: number;
  /** In characters. */
  readonly column: number;
  /** The whole file the place lies in: for excerpts. */
  readonly text: Uint8Array;
  /** Offset of the place in `text`, in bytes. */
  readonly offset: number;
}

/** Reads an included file: its content, or a sentence that says why not. `from` is the including file. */
export type ReadInclude = (
  name: string,
  from: string,
  relativeToFile: boolean,
) => { file: string; text: Uint8Array } | { problem: string };

const BACKSLASH = 92;
const LF = 10;
export const UNTERMINATED_HINT = 'It begins here and is not closed before the end of the file.';
/** Settings of psql that change what a script means to a runner; the others are harmless. */
const REFUSED_SETTINGS: ReadonlySet<string> = new Set(['AUTOCOMMIT', 'SINGLELINE']);

/**
 * Carries out what psql's manual page calls meta-commands, as far as a migration may use them: `\set`, `\unset`,
 * `:variables`, `\echo`, `\i`, `\ir`, `\restrict`, and the data behind COPY ... FROM STDIN. Any other is a problem with its line, never dropped.
 */
export function expand(file: string, text: Uint8Array, read: ReadInclude): Expanded {
  const source: Source = { file, text };
  if (!needsExpansion(text)) return new Expansion(source, text).finish();
  return new Expander(read).run(source);
}

/** Plain SQL has neither a backslash nor data of its own; most files are that, and are sent as they are. */
function needsExpansion(text: Uint8Array): boolean {
  if (text.indexOf(BACKSLASH) >= 0) return true;
  // In windows: a big file shall not be held a second time.
  for (let from = 0; from < text.length; from += WINDOW) {
    if (/stdin/i.test(latin(text, from, Math.min(text.length, from + WINDOW + 'stdi'.length)))) return true;
  }
  return false;
}

const WINDOW = 1024 * 1024;

/** The growing result: pieces of sources in the order in which they are sent. */
class Expansion {
  readonly pieces: Piece[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly copies: CopyData[] = [];
  readonly echoes: string[] = [];
  readonly problems: PsqlProblem[] = [];
  readonly includes: { file: string; text: Uint8Array }[] = [];
  length = 0;

  constructor(source: Source, whole?: Uint8Array) {
    if (whole) this.take(source, 0, whole.length);
  }

  take(source: Source, from: number, to: number): void {
    if (to <= from) return;
    this.pieces.push({ at: this.length, source, offset: from, verbatim: true });
    this.#add(source.text.subarray(from, to));
  }

  insert(source: Source, offset: number, text: string): void {
    this.pieces.push({ at: this.length, source, offset, verbatim: false });
    this.#add(Buffer.from(text));
  }

  #add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  finish(): Expanded {
    const { pieces, copies, echoes, problems, includes } = this;
    const sql = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.length);
    return { sql, copies, echoes, problems, includes, locate: (offset) => locate(pieces, offset) };
  }
}

function locate(pieces: readonly Piece[], offset: number): Place {
  let piece = pieces[0];
  for (const p of pieces) {
    if (p.at > offset) break;
    piece = p;
  }
  if (piece === undefined) return { file: '', line: 1, column: 1, text: new Uint8Array(), offset: 0 };
  const at = piece.offset + (piece.verbatim ? offset - piece.at : 0);
  return { file: piece.source.file, ...lineOf(piece.source.text, at), text: piece.source.text, offset: at };
}

/** Line and column (1-based, in characters) of a byte offset. */
export function lineOf(text: Uint8Array, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf(LF); at >= 0 && at < offset; at = text.indexOf(LF, at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: [...Buffer.from(text.subarray(start, offset)).toString('utf8')].length + 1 };
}

class Expander {
  readonly #read: ReadInclude;
  readonly #variables = new Map<string, string>();
  readonly #open: string[] = [];
  #out!: Expansion;

  constructor(read: ReadInclude) {
    this.#read = read;
  }

  run(source: Source): Expanded {
    this.#out = new Expansion(source);
    this.#expand(source);
    return this.#out.finish();
  }

  #expand(source: Source): void {
    this.#open.push(source.file);
    const scanner = new Scanner(source.text);
    let taken = 0;
    let parens = 0;
    let statement = new Beginning();
    for (let token = scanner.next(); token !== TOKEN.end; token = scanner.next()) {
      if (token === TOKEN.backslash) {
        this.#out.take(source, taken, scanner.start);
        taken = this.#metaCommand(source, scanner.start, statement.started);
        scanner.skipTo(taken);
      } else if (token === TOKEN.variable) {
        const value = this.#substitution(
          Buffer.from(source.text.subarray(scanner.start, scanner.end)).toString('utf8'),
        );
        if (value === undefined) {
          // Not a variable of ours: `:` may be an operator or a slice. Read on behind the colon.
          scanner.skipTo(scanner.start + 1);
          continue;
        }
        this.#out.take(source, taken, scanner.start);
        this.#out.insert(source, scanner.start, value);
        taken = scanner.end;
        statement.other();
      } else if (token === TOKEN.semicolon && parens === 0 && statement.body.depth === 0) {
        if (statement.copiesFromStdin) {
          this.#out.take(source, taken, scanner.end);
          taken = this.#copyData(source, scanner.end);
          scanner.skipTo(taken);
        }
        statement = new Beginning();
      } else {
        if (token === TOKEN.open) parens++;
        if (token === TOKEN.close && parens > 0) parens--;
        if (token === TOKEN.word) statement.word(scanner.word(), parens);
        else statement.other(scanner.isDot);
      }
    }
    this.#out.take(source, taken, source.text.length);
    this.#open.pop();
    if (this.#open.length > 0) this.#endInclude(source, scanner, statement);
  }

  /** psql reads each file for itself: what an included one leaves open does not run on into the file around it. */
  #endInclude(source: Source, scanner: Scanner, statement: Beginning): void {
    if (scanner.unterminated) {
      const { what, offset } = scanner.unterminated;
      this.#problem(source, offset, `unterminated ${what}`, UNTERMINATED_HINT);
    } else if (statement.started) this.#out.insert(source, source.text.length, '\n;');
  }

  /** Text in place of a variable, quoted as psql quotes it; `undefined` when it is not set. */
  #substitution(token: string): string | undefined {
    const quote = token[1] === "'" || token[1] === '"' ? token[1] : '';
    const value = this.#variables.get(quote ? token.slice(2, -1) : token.slice(1));
    if (value === undefined || quote === '') return value;
    if (quote === '"') return `"${value.replaceAll('"', '""')}"`;
    const escaped = value.replaceAll("'", "''");
    return escaped.includes('\\') ? ` E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`;
  }

  /** Carries out the meta-command at `at`; returns the offset behind it. */
  #metaCommand(source: Source, at: number, insideStatement: boolean): number {
    const { text } = source;
    const stop = text.indexOf(LF, at);
    const lineEnd = stop < 0 ? text.length : stop;
    const line = Buffer.from(text.subarray(at, lineEnd)).toString('utf8');
    const name = /^\\([A-Za-z!?_]+|.?)/u.exec(line)![1]!;
    const { args, rest, problem } = metaArguments(line.slice(name.length + 1), (v) => this.#variables.get(v));
    // A backslash ends the arguments: another command begins, or, behind \\, SQL goes on.
    const end = lineEnd - Buffer.byteLength(rest.startsWith('\\\\') ? rest.slice(2) : rest);
    if (problem !== undefined && CARRIED_OUT.has(name)) {
      this.#problem(source, at, `\\${name}: ${problem}`, 'Write the value in single quotes.');
      return end;
    }
    switch (name) {
      case 'set':
        if (REFUSED_SETTINGS.has(args[0] ?? ''))
          this.#problem(
            source,
            at,
            `\\set ${args[0]} changes what the file means`,
            'Remove the line: the runner decides about transactions.',
          );
        else if (args[0] !== undefined) this.#variables.set(args[0], args.slice(1).join(''));
        break;
      case 'unset':
        this.#variables.delete(args[0] ?? '');
        break;
      case 'echo':
      case 'qecho':
      case 'warn':
        this.#out.echoes.push(args.join(' '));
        break;
      case 'i':
      case 'include':
      case 'ir':
      case 'include_relative':
        if (insideStatement)
          this.#problem(source, at, `\\${name} inside a statement`, 'End the statement before it with a semicolon.');
        else this.#include(source, at, args[0], name === 'ir' || name === 'include_relative');
        break;
      case 'restrict':
      case 'unrestrict':
        break;
      default:
        this.#problem(
          source,
          at,
          `psql command \\${name} cannot be carried out`,
          'Only \\set, \\unset, \\echo, \\i, \\ir, \\restrict and COPY ... FROM STDIN with data work here; write SQL instead.',
        );
        return lineEnd;
    }
    return end;
  }

  #include(source: Source, at: number, name: string | undefined, relativeToFile: boolean): void {
    const found =
      name === undefined ? { problem: 'no file to include' } : this.#read(name, source.file, relativeToFile);
    if ('problem' in found) {
      this.#problem(source, at, found.problem, 'Name a file inside the folder of migrations.');
    } else if (this.#open.includes(found.file)) {
      this.#problem(source, at, `${found.file} includes itself`, 'Break the circle of \\i commands.');
    } else {
      this.#out.includes.push(found);
      this.#expand(found);
    }
  }

  /** Rows up to `\.` on a line of its own, or to the end of the file; returns the offset behind them. */
  #copyData(source: Source, from: number): number {
    const { text } = source;
    const lineEnd = text.indexOf(LF, from);
    const start = lineEnd < 0 ? text.length : lineEnd + 1;
    const behind = new Scanner(text, from, start);
    if (behind.next() !== TOKEN.end)
      this.#problem(
        source,
        behind.start,
        'text behind COPY ... FROM STDIN; on its line',
        'The data begins on the next line; move the text behind the data.',
      );
    let at = start;
    while (at < text.length) {
      const stop = text.indexOf(LF, at);
      const end = stop < 0 ? text.length : stop;
      if (end - at === 2 && text[at] === BACKSLASH && text[at + 1] === 46) {
        this.#out.copies.push({ behind: this.#out.length, rows: text.subarray(start, at) });
        return end;
      }
      at = end + 1;
    }
    this.#out.copies.push({ behind: this.#out.length, rows: text.subarray(start) });
    return text.length;
  }

  #problem(source: Source, at: number, message: string, hint: string): void {
    this.#out.problems.push({ file: source.file, ...lineOf(source.text, at), message, hint });
  }
}

/** The beginning of a statement: whether it is COPY ... FROM STDIN, and whether semicolons in it count. */
class Beginning {
  readonly body = new RoutineBody();
  copiesFromStdin = false;
  #first: string | undefined;
  #previous = '';
  #behindDot = false;

  get started(): boolean {
    return this.#first !== undefined;
  }

  word(word: string, parens: number): void {
    if (this.#first === undefined) {
      this.#first = word;
      if (word === 'create') this.body.watch();
    } else if (this.#first === 'copy' && parens === 0 && word === 'stdin' && this.#previous === 'from')
      this.copiesFromStdin = true;
    else if (this.body.watching && parens === 0) this.body.word(word, this.#behindDot);
    this.#previous = word;
    this.#behindDot = false;
  }

  other(dot = false): void {
    this.#first ??= '';
    this.#previous = '';
    this.#behindDot = dot;
  }
}

/** Meta-commands that are carried out, or do nothing here. */
const CARRIED_OUT: ReadonlySet<string> = new Set(
  'set unset echo qecho warn i include ir include_relative restrict unrestrict'.split(' '),
);

/**
 * Arguments of a meta-command: words, '...' with escapes, "..." kept as they are, :variables replaced. They end at a
 * backslash outside of quotes; `rest` begins with it.
 */
function metaArguments(
  text: string,
  variable: (name: string) => string | undefined,
): { args: string[]; rest: string; problem: string | undefined } {
  const args: string[] = [];
  const pattern = /\s*((?:'(?:[^'\\]|\\.|'')*'|"[^"]*"|[^\s'"`\\])+)/gy;
  let end = 0;
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    args.push(metaWord(m[1]!, variable));
    end = pattern.lastIndex;
  }
  const rest = text.slice(end).trimStart();
  if (rest === '' || rest.startsWith('\\')) return { args, rest, problem: undefined };
  return {
    args,
    rest: '',
    problem: rest.startsWith('`') ? 'shell commands are not run' : 'unterminated quoted string',
  };
}

/** A quoted stretch, or a variable; names may hold letters of any script, as psql's may. */
const META_WORD = /'((?:[^'\\]|\\.|'')*)'|:'([\w\u0080-\uffff]+)'|:"([\w\u0080-\uffff]+)"|:([\w\u0080-\uffff]+)/g;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b', r: '\r', f: '\f' };

function metaWord(word: string, variable: (name: string) => string | undefined): string {
  return word.replace(META_WORD, (all, quoted, literal, identifier, plain) => {
    if (quoted !== undefined) {
      return (quoted as string).replace(/''|\\(.)/g, (_, c: string | undefined) =>
        c === undefined ? "'" : (ESCAPES[c] ?? c),
      );
    }
    const value = variable(literal ?? identifier ?? plain);
    if (value === undefined) return all;
    if (literal !== undefined) return `'${value.replaceAll("'", "''")}'`;
    return identifier === undefined ? value : `"${value.replaceAll('"', '""')}"`;
  });
}
