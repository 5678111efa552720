import { AishaError, type ErrorKind } from '../errors.ts';
import { type ServerError, SQLSTATE, serverError } from '../postgres/server-error.ts';
import { sqlExcerpt } from '../report/sql-error.ts';
import { FENCE_LOST } from './ledger.ts';
import type { Expanded, Place } from './psql.ts';
import { StatementReader } from './statements.ts';

/** Turns an error of the server into one that shows file, line, column, the line itself and the SQLSTATE. */
export function migrationError(kind: ErrorKind, file: string, error: Error, place: Place | undefined): AishaError {
  const server = serverError(error);
  const at = place ? ` at ${place.file}:${place.line}:${place.column}` : '';
  if (!server) {
    return new AishaError(kind, `${file}: ${error.message}${at}`, {
      hint: 'The connection was lost; run again: what was not recorded did not happen.',
      cause: error,
    });
  }
  return new AishaError(kind, `${file}: ${server.message}${at}`, {
    details: [...(place ? excerptOf(place) : []), ...serverLines(server)],
    hint: hintOf(server, kind),
    sqlState: server.code,
    cause: error,
  });
}

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
  [SQLSTATE.readOnly]: 'The server takes no writes: it is a standby, or the database is set to read only.',
};

function hintOf(error: ServerError, kind: ErrorKind): string {
  if (error.message.includes(FENCE_LOST)) {
    return 'The connection that held the lock was ended; nothing of this file remains. Run again.';
  }
  const known = HINTS[error.code];
  if (known) return known;
  return kind === 'partial'
    ? 'Mend what failed and run again: the run resumes behind the last statement that is recorded.'
    : 'Nothing of this file remains. Mend it and run again.';
}

export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Offset of the n-th statement (0-based) of a stretch of SQL, or of its end. */
export function startOfStatement(sql: Uint8Array, from: number, to: number, index: number): number {
  const reader = new StatementReader(sql, from, to);
  for (let at = 0; ; at++) {
    const statement = reader.next();
    if (statement === undefined) return to;
    if (at === index) return statement.start;
  }
}

/** Where in the file a failing message failed: at the server's position, else at the statement that did not complete. */
export function placeOf(
  expanded: Expanded,
  stretch: { readonly from: number; readonly to: number; readonly index: number },
  position: number | undefined,
): Place {
  const { from, to, index } = stretch;
  if (position === undefined || position < 1) return expanded.locate(startOfStatement(expanded.sql, from, to, index));
  const text = Buffer.from(expanded.sql.subarray(from, to)).toString('utf8');
  const before = [...text].slice(0, position - 1).join('');
  return expanded.locate(from + Buffer.byteLength(before));
}
