import { randomBytes } from 'node:crypto';
import { type ServerError, SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { PsqlProblem } from './psql.ts';
import { problemAt, type Script } from './script.ts';
import { StatementReader } from './statements.ts';
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
export async function checkGrammar(
  session: Session,
  scripts: readonly Script[],
  grammar: () => Promise<Grammar>,
): Promise<PsqlProblem[]> {
  const problems: PsqlProblem[] = [];
  for (const group of groupsOf(scripts)) {
    const together = await ask(session, group);
    if (together === 'cannot') return checkAlone(scripts, await grammar());
    // Files are asked about together since that is what is right nearly always; one by one to say which is wrong.
    if (together) problems.push(...(await checkEach(session, group)));
  }
  return problems;
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

/** Pieces of one message: small files together, big ones cut at statement ends. */
function* groupsOf(scripts: readonly Script[]): Generator<Piece[]> {
  let group: Piece[] = [];
  let bytes = 0;
  for (const script of scripts) {
    if (script.problems.length > 0) continue;
    for (const piece of piecesOf(script)) {
      group.push(piece);
      bytes += piece.to - piece.from;
      if (bytes < MESSAGE_BYTES) continue;
      yield group;
      group = [];
      bytes = 0;
    }
  }
  if (group.length > 0) yield group;
}

function* piecesOf(script: Script): Generator<Piece> {
  const { sql } = script.expanded;
  if (sql.length <= MESSAGE_BYTES) {
    if (script.count > 0) yield { script, from: 0, to: sql.length };
    return;
  }
  const reader = new StatementReader(sql);
  let from = 0;
  for (let statement = reader.next(); statement !== undefined; statement = reader.next()) {
    if (statement.start - from < MESSAGE_BYTES) continue;
    yield { script, from, to: statement.start };
    from = statement.start;
  }
  yield { script, from, to: sql.length };
}

/** The server's syntax error, nothing when there is none, `cannot` when it has no PL/pgSQL for us. */
async function ask(session: Session, pieces: readonly Piece[]): Promise<ServerError | 'cannot' | undefined> {
  const tag = `a${randomBytes(12).toString('hex')}`;
  const texts = pieces.flatMap(({ script, from, to }) => [script.expanded.sql.subarray(from, to), BETWEEN]);
  const { error } = await session.script([
    `do $${tag}$ begin execute $${tag}x$${FIRST}`,
    ...texts,
    `$${tag}x$; exception when division_by_zero then null; end $${tag}$`,
  ]);
  if (!error) return undefined;
  const server = serverError(error);
  if (!server) throw error;
  const cannot = server.code === SQLSTATE.undefinedObject || server.code === SQLSTATE.insufficientPrivilege;
  return cannot ? 'cannot' : server;
}

const FIRST = 'select 1/0;';
/** Ends a comment and a statement that a file leaves open. */
const BETWEEN = '\n;';

function problemOf(piece: Piece, { message, internalPosition, hint }: ServerError): PsqlProblem {
  const { expanded } = piece.script;
  const text = Buffer.from(expanded.sql.subarray(piece.from, piece.to)).toString('utf8');
  const before = [...text].slice(0, Math.max(0, (internalPosition ?? 1) - 1 - FIRST.length)).join('');
  const offset = piece.from + Buffer.byteLength(before);
  return problemAt(expanded, offset, message, hint ?? 'The server could never run this file; mend it.');
}

/** Bytes up to which a file is parsed here when the server has no PL/pgSQL: a tree takes eighty times its text. */
const MOST_PARSED = 2 * 1024 * 1024;

/** The same question to the grammar that is built in: for a server without PL/pgSQL, and without a server. */
export function checkAlone(scripts: readonly Script[], grammar: Grammar): PsqlProblem[] {
  const problems: PsqlProblem[] = [];
  for (const script of scripts) {
    const { expanded } = script;
    if (script.problems.length > 0 || expanded.sql.length > MOST_PARSED) continue;
    const text = Buffer.from(expanded.sql).toString('utf8');
    const error = grammar.syntaxError(text);
    if (!error) continue;
    const before = [...text].slice(0, error.position).join('');
    problems.push(
      problemAt(expanded, Buffer.byteLength(before), error.message, 'No PostgreSQL could run this file; mend it.'),
    );
  }
  return problems;
}
