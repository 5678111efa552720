import { AishaError, type ErrorKind } from '../errors.ts';
import { type ServerError, SQLSTATE, serverError } from '../postgres/server-error.ts';
import { sqlExcerpt } from '../report/sql-error.ts';
import { FENCE_LOST } from './ledger.ts';
import type { Expanded, Place } from './psql.ts';
import { StatementReader } from './statements.ts';

/** The connection that holds the lock was found ended by what had to ask it something. */
export class LockLost extends Error {}

/** Turns an error of the server into one that shows file, line, column, the line itself and the SQLSTATE. */
export function migrationError(kind: ErrorKind, file: string, error: Error, place: Place | undefined): AishaError {
  if (error instanceof LockLost) return lockLost(kind, file, error);
  const server = serverError(error);
  const at = place ? ` at ${place.file}:${place.line}:${place.column}` : '';
  if (!server) {
    return new AishaError(kind, `${file}: ${error.message}${at}`, {
      hint: 'The connection was lost; run again: what was not recorded did not happen.',
      cause: error,
    });
  }
  if (server.message.includes(FENCE_LOST)) return lockLost(kind, file, error);
  const unwritten = unwrittenLedger(server, place);
  const what = unwritten === undefined ? '' : `${unwritten.what}: `;
  return new AishaError(kind, `${file}: ${what}${server.message}${at}`, {
    details: [...(place ? excerptOf(place) : []), ...serverLines(server)],
    hint: unwritten?.hint ?? hintOf(server, kind),
    sqlState: server.code,
    cause: error,
  });
}

function lockLost(kind: ErrorKind, file: string, cause: Error): AishaError {
  return new AishaError(kind, `${file}: the migration lock was lost while it ran`, {
    hint: `The connection that held the lock was ended; ${kind === 'partial' ? 'what ran is recorded' : 'nothing of this file remains'}. Run again.`,
    cause,
  });
}

/** Outside of the file's own text only the ledger is written to, and only a trigger would have a context. */
function unwrittenLedger(
  { code, where }: ServerError,
  place: Place | undefined,
): { readonly what: string; readonly hint: string } | undefined {
  return place === undefined && where === undefined ? UNWRITTEN[code] : undefined;
}

const GONE = {
  what: 'its ledger row has no place any more',
  hint: 'The file drops or renames the ledger: it must leave that alone.',
};
const UNWRITTEN: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  [SQLSTATE.undefinedTable]: GONE,
  [SQLSTATE.invalidSchema]: GONE,
  [SQLSTATE.insufficientPrivilege]: {
    what: 'its ledger row cannot be written',
    hint: 'The role needs SELECT, INSERT, UPDATE and DELETE on the ledger; a file must not take them from it.',
  },
  [SQLSTATE.readOnly]: {
    what: 'its ledger row cannot be written',
    hint: 'Either the file makes its transaction read only, which it must not, or the server takes no writes: a standby, or a database that is set to read only.',
  },
};

function excerptOf(place: Place): readonly string[] {
  const text = Buffer.from(place.text).toString('utf8');
  const position = characters(Buffer.from(place.text.subarray(0, place.offset)).toString('utf8')) + 1;
  return sqlExcerpt({ text, position, file: place.file }).excerpt;
}

function serverLines(error: ServerError): string[] {
  return [
    `SQLSTATE ${error.code}`,
    ...(error.detail ? [`detail: ${error.detail}`] : []),
    ...(error.hint ? [`server's hint: ${error.hint}`] : []),
    ...(error.where ? error.where.split('\n').map((line) => `context: ${line}`) : []),
  ];
}

const HINTS: Readonly<Record<string, string>> = {
  [SQLSTATE.activeTransaction]:
    'A statement that cannot run in a transaction is hidden from the runner; add the header line "-- Transaction: none".',
  [SQLSTATE.invalidTermination]:
    'A procedure or block commits in its body; add the header line "-- Transaction: none".',
  [SQLSTATE.unsafeNewEnumValue]:
    'A new enumeration label can be used only after its transaction: move its use to the next file.',
  [SQLSTATE.insufficientPrivilege]:
    'The role lacks a privilege; run as the owner of the object, or grant what is missing.',
  [SQLSTATE.diskFull]: 'The server is out of disk space; free some and run again.',
  [SQLSTATE.adminShutdown]: 'Somebody ended the connection, or the server is stopping; run again.',
  [SQLSTATE.readOnly]: 'The server takes no writes: it is a standby, or the database is set to read only.',
};

function hintOf(error: ServerError, kind: ErrorKind): string {
  // The same code as that of a statement that cannot run in a transaction; the keyword is in no language translated.
  if (error.code === SQLSTATE.activeTransaction && error.message.includes('SET TRANSACTION'))
    return 'Move it to the beginning of the file, or give the mode to a BEGIN of its own.';
  const known = HINTS[error.code];
  if (known) return known;
  return kind === 'partial'
    ? 'Mend what failed and run again: the run resumes behind the last statement that is recorded.'
    : 'Nothing of this file remains. Mend it and run again.';
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Part of a file that was sent in one message. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Where in the file a message failed: at the server's position, else at the statement that did not complete; nowhere
 * when it was before or behind the file's own text, in what the runner adds.
 * @param prefix what stood before the stretch in the message
 * @param completed how many statements of the stretch completed
 */
export function placeOfFailure(
  expanded: Expanded,
  stretch: Stretch,
  error: Error,
  prefix: string,
  completed: number,
): Place | undefined {
  const server = serverError(error);
  if (!server) return undefined;
  if (server.position === undefined) {
    const start = completed < 0 ? undefined : startOfStatement(expanded.sql, stretch, completed);
    return start === undefined ? undefined : expanded.locate(start);
  }
  const offset = offsetOfCharacter(expanded.sql, stretch, server.position - 1 - characters(prefix));
  return offset === undefined ? undefined : expanded.locate(offset);
}

/** Offset of the n-th statement (0-based) of a stretch of SQL; `undefined` when it has fewer. */
function startOfStatement(sql: Uint8Array, { from, to }: Stretch, index: number): number | undefined {
  const reader = new StatementReader(sql, from, to);
  let statement = reader.next();
  for (let at = 0; at < index && statement !== undefined; at++) statement = reader.next();
  return statement?.start;
}

/** Offset of the n-th character (0-based) of a stretch of UTF-8, its end included; `undefined` outside of it. */
function offsetOfCharacter(sql: Uint8Array, { from, to }: Stretch, index: number): number | undefined {
  if (index < 0) return undefined;
  let left = index;
  for (let at = from; at < to; at++) {
    // Only the first byte of a character does not look like 10xxxxxx.
    if ((sql[at]! & 0xc0) === 0x80) continue;
    if (left === 0) return at;
    left--;
  }
  return left === 0 ? to : undefined;
}

/** The same for text of which the failing statement is known. */
export function placeOf(
  expanded: Expanded,
  { index, ...stretch }: Stretch & { readonly index: number },
  position: number | undefined,
): Place {
  const offset =
    position === undefined
      ? startOfStatement(expanded.sql, stretch, index)
      : offsetOfCharacter(expanded.sql, stretch, position - 1);
  return expanded.locate(offset ?? stretch.to);
}
