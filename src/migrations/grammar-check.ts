import { type ServerError, SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { PsqlProblem } from './psql.ts';
import { Scanner, TOKEN } from './scanner.ts';
import { problemAt, type Script, scriptText, stretches } from './script.ts';
import type { Grammar } from './tree.ts';

/** Bytes of SQL that are checked at once. */
const MESSAGE_BYTES = 256 * 1024;

/** Part of a file that is checked as one text. */
interface Piece {
  readonly script: Script;
  readonly from: number;
  readonly to: number;
}

/**
 * Asks the server itself whether its grammar accepts each file, without running any of it and for a fraction of what a
 * syntax tree costs: PL/pgSQL's EXECUTE parses its whole text before it runs the first statement of it, and that first
 * statement is one of ours which fails and is caught. Only a real syntax error reaches the server's log.
 */
export class GrammarCheck {
  readonly #session: Session;
  readonly #grammar: () => Promise<Grammar>;
  readonly #problems: PsqlProblem[] = [];
  #group: Piece[] = [];
  #bytes = 0;
  #asked: Promise<void> = Promise.resolve();
  /** The server has no PL/pgSQL for us: the built-in grammar answers. */
  #alone = false;

  constructor(session: Session, grammar: () => Promise<Grammar>) {
    this.#session = session;
    this.#grammar = grammar;
  }

  /** Has a file checked, now or with the next ones. */
  async add(script: Script): Promise<void> {
    if (script.problems.length > 0 || script.count === 0) return;
    const whole = [{ from: 0, to: script.expanded.sql.length }];
    const doubtful = (script.doubtful ?? whole).flatMap(({ from, to }) => [...stretches(script, from, to)]);
    for (const { from, to } of doubtful) {
      this.#group.push({ script, from, to });
      this.#bytes += to - from;
      if (this.#bytes >= MESSAGE_BYTES) await this.#flush();
    }
  }

  /** Every syntax error that was found. */
  async finish(): Promise<readonly PsqlProblem[]> {
    if (this.#group.length > 0) await this.#flush();
    await this.#asked;
    return this.#problems;
  }

  /** One message is on its way at a time; the next files are read meanwhile. */
  async #flush(): Promise<void> {
    const group = this.#group;
    this.#group = [];
    this.#bytes = 0;
    await this.#asked;
    this.#asked = this.#check(group);
    // Whoever awaits it next is told of a failure.
    this.#asked.catch(() => {});
  }

  async #check(group: readonly Piece[]): Promise<void> {
    const answer = this.#alone ? 'cannot' : await ask(this.#session, group);
    if (answer === 'cannot') {
      this.#alone = true;
      this.#problems.push(...checkAlone(new Set(group.map((piece) => piece.script)), await this.#grammar()));
    } else if (answer) {
      // Files are asked about together since that is right nearly always; one by one to say which is wrong.
      this.#problems.push(...(await checkEach(this.#session, group)));
    }
  }
}

async function checkEach(session: Session, pieces: readonly Piece[]): Promise<PsqlProblem[]> {
  const problems = new Map<Script, PsqlProblem>();
  for (const piece of pieces) {
    // One syntax error a file: what follows it is rarely another one.
    if (problems.has(piece.script)) continue;
    const error = await ask(session, [piece]);
    if (error && error !== 'cannot') problems.set(piece.script, problemOf(piece, error));
  }
  return [...problems.values()];
}

/** The server's syntax error, nothing when there is none, `cannot` when it has no PL/pgSQL for us. */
async function ask(session: Session, pieces: readonly Piece[]): Promise<ServerError | 'cannot' | undefined> {
  const texts = pieces.flatMap(({ script, from, to }) => [script.expanded.sql.subarray(from, to), BETWEEN]);
  // As a setting: a literal in the block would be read by three lexers before the grammar sees what is in it.
  const set = await session.setSetting(SETTING, [FIRST, ...texts]);
  const { error } = set.error ? set : await session.script([CHECK]);
  if (!error) return undefined;
  const server = serverError(error);
  if (!server) throw error;
  const cannot = server.code === SQLSTATE.undefinedObject || server.code === SQLSTATE.insufficientPrivilege;
  return cannot ? 'cannot' : server;
}

const SETTING = 'aisha_db.grammar_check';
const CHECK = `do $$ begin execute pg_catalog.current_setting('${SETTING}'); exception when division_by_zero then null; end $$`;
const FIRST = Buffer.from('select 1/0;');
/** Ends a comment and a statement that a file leaves open. */
const BETWEEN = Buffer.from('\n;');

function problemOf(piece: Piece, { message, internalPosition, hint }: ServerError): PsqlProblem {
  const { expanded } = piece.script;
  const text = Buffer.from(expanded.sql.subarray(piece.from, piece.to)).toString('utf8');
  const before = [...text].slice(0, Math.max(0, (internalPosition ?? 1) - 1 - FIRST.length)).join('');
  const offset = piece.from + Buffer.byteLength(before);
  return problemAt(
    expanded,
    offset,
    message,
    hint ?? hintFor(expanded.sql, offset, 'The server could never run this file; mend it.'),
  );
}

/** A colon that is an error is nearly always psql's: psql sends it as it is, too, while the variable is not set. */
function hintFor(sql: Uint8Array, offset: number, otherwise: string): string {
  const text = Buffer.from(sql.subarray(offset, offset + 80)).toString('utf8');
  const [, name] = /^:(?:\{\?)?['"]?([\p{L}_][\p{L}\p{N}_]*)/u.exec(text) ?? [];
  return name === undefined ? otherwise : `If ${name} is a variable of psql, set it before: \\set ${name} VALUE.`;
}

/** Bytes up to which a file is parsed here when the server has no PL/pgSQL: a tree takes eighty times its text. */
const MOST_PARSED = 2 * 1024 * 1024;

/** The same question to the grammar that is built in: for a server without PL/pgSQL, and without a server. */
export function checkAlone(scripts: Iterable<Script>, grammar: Grammar): PsqlProblem[] {
  const problems: PsqlProblem[] = [];
  for (const script of scripts) {
    const { expanded } = script;
    if (script.problems.length > 0 || script.count === 0 || expanded.sql.length > MOST_PARSED) continue;
    if (!grammar.syntaxError(scriptText(script))) continue;
    const text = withoutComments(expanded.sql);
    const error = grammar.syntaxError(text);
    if (!error) continue;
    const before = [...text].slice(0, error.position).join('');
    const offset = Buffer.byteLength(before);
    const hint = hintFor(expanded.sql, offset, 'No PostgreSQL could run this file; mend it.');
    problems.push(problemAt(expanded, offset, error.message, hint));
  }
  return problems;
}

/** Spaces in place of comments: this grammar, unlike the server, does not let a literal go on behind one (`'a' -- x⏎'b'`). */
function withoutComments(sql: Uint8Array): string {
  const out = Buffer.alloc(sql.length, ' ');
  const scanner = new Scanner(sql);
  let behind = 0;
  for (let token = scanner.next(); token !== TOKEN.end; token = scanner.next()) {
    if (scanner.newlineBefore) out[behind] = LF;
    out.set(sql.subarray(scanner.start, scanner.end), scanner.start);
    behind = scanner.end;
  }
  return out.toString('utf8');
}

const LF = 10;
