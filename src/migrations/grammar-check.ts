import { randomBytes } from 'node:crypto';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
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
  const refused = new Set<Script>();
  let waiting: Piece[] = [];
  let bytes = 0;
  const flush = async () => {
    const pieces = waiting;
    waiting = [];
    bytes = 0;
    return checkPieces(session, pieces, problems, refused);
  };
  for (const script of scripts) {
    if (script.problems.length > 0) continue;
    for (const piece of piecesOf(script)) {
      waiting.push(piece);
      bytes += piece.to - piece.from;
      if (bytes >= MESSAGE_BYTES && !(await flush())) return checkAlone(scripts, await grammar());
    }
  }
  return (await flush()) ? problems : checkAlone(scripts, await grammar());
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

/** Checks the pieces in one message; behind a refused one it goes on with the next. False when the server cannot do it. */
async function checkPieces(
  session: Session,
  pieces: readonly Piece[],
  problems: PsqlProblem[],
  refused: Set<Script>,
): Promise<boolean> {
  let rest = pieces;
  while (rest.length > 0) {
    const tag = `a${randomBytes(12).toString('hex')}`;
    const { completed, error } = await session.script(rest.flatMap((piece) => wrapped(piece, tag)));
    if (!error) return true;
    const server = serverError(error);
    if (!server) throw error;
    if (server.code === SQLSTATE.undefinedObject || server.code === SQLSTATE.insufficientPrivilege) return false;
    const piece = rest[completed]!;
    if (!refused.has(piece.script))
      problems.push(problemOf(piece, server.message, server.internalPosition, server.hint));
    // One syntax error a file: what follows it is rarely another one.
    refused.add(piece.script);
    rest = rest.slice(completed + 1);
  }
  return true;
}

const FIRST = 'select 1/0;';

function wrapped({ script, from, to }: Piece, tag: string): (Uint8Array | string)[] {
  return [
    `do $${tag}$ begin execute $${tag}x$${FIRST}`,
    script.expanded.sql.subarray(from, to),
    `$${tag}x$; exception when division_by_zero then null; end $${tag}$;`,
  ];
}

function problemOf(piece: Piece, message: string, position: number | undefined, hint: string | undefined): PsqlProblem {
  const { expanded } = piece.script;
  const text = Buffer.from(expanded.sql.subarray(piece.from, piece.to)).toString('utf8');
  const before = [...text].slice(0, Math.max(0, (position ?? 1) - 1 - FIRST.length)).join('');
  return problemAt(
    expanded,
    piece.from + Buffer.byteLength(before),
    message,
    hint ?? 'The server could never run this file; mend it.',
  );
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
