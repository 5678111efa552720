import { AishaError, type ErrorKind, messageOf } from '../errors.ts';
import { plain, plainLines } from '../report/plain.ts';
import type { ReportError } from '../report/report.ts';

/** System errors that say something about the machine, not about the program (Node docs, "Common system errors"). */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space on the disk.',
  EDQUOT: 'The disk quota is used up: free some space.',
  EROFS: 'The file system is read-only: choose another place.',
  EACCES: 'Let this user have access, or run as another.',
  EPERM: 'Let this user have access, or run as another.',
  EMFILE: 'Raise the limit of open files (ulimit -n).',
  ENFILE: 'The machine has no file handles left.',
};

/** Where and why a run ended, for the message. */
export interface FailureContext {
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
  /** Where defects are reported. */
  tracker(): string;
}

/** The error of a run, whatever was thrown: after an abort the abort is the reason, anything unknown is a defect. */
export function toFailure(error: unknown, { cwd, signal, tracker }: FailureContext): AishaError {
  if (signal?.aborted && !isMistake(error)) return interrupted(error, signal.reason);
  if (error instanceof AishaError) return error;
  if (isLostConnection(error)) {
    return new AishaError('connection', `the connection to the server was lost: ${messageOf(error)}`, {
      cause: error,
      hint: "Run again; when it happens again, look into the server's log and at what lies between: pooler, proxy, firewall.",
    });
  }
  const ofTheServer = ofServer(error);
  if (ofTheServer !== undefined) return ofTheServer;
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const hint = OF_THE_MACHINE[code];
  // All of its words: nobody who could have named the file has caught it.
  const message = error instanceof Error ? error.message : String(error);
  if (hint !== undefined) return new AishaError('usage', message.replace(`${code}: `, ''), { hint, cause: error });
  return new AishaError('defect', message.split('\n')[0] ?? '', {
    cause: error,
    details: stackOf(error, cwd),
    hint: `This is a defect of aisha-db: please report it, with the lines above, at ${tracker()}.`,
  });
}

/** The lines for stderr: what is wrong, what is known about it, what to do. */
export function describeFailure(failure: AishaError): { readonly label: string; readonly text: string }[] {
  const { message, details, hint, sqlState } = failure;
  const isNamed = sqlState === undefined || [message, ...details].some((line) => line.includes(sqlState));
  return [
    { label: 'error:', text: ` ${plain(message)}` },
    ...details.flatMap(plainLines).map((line) => ({ label: '', text: `  ${line}` })),
    ...(isNamed ? [] : [{ label: '', text: `  SQLSTATE ${plain(sqlState)}` }]),
    ...(hint === undefined ? [] : [{ label: 'hint:', text: ` ${plain(hint)}` }]),
  ];
}

export function toReportError({ kind, message, hint, details, sqlState }: AishaError): ReportError {
  return {
    code: kind,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details.length === 0 ? {} : { details }),
    ...(sqlState === undefined ? {} : { sqlState }),
  };
}

/** What pg says of a connection that has ended. */
const ENDED = /^(?:Connection terminated|Client has encountered a connection error|Client was closed)/;
/** The network's own word, and what the server says when it ends a session (PostgreSQL docs, appendix A, 08 and 57P0x). */
const ENDS_CONNECTION = /^(?:ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|57P0[1-5]|25P03|08[0-9A-Z]{3})$/;

function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ENDED.test(error.message) || ENDS_CONNECTION.test((error as NodeJS.ErrnoException).code ?? '');
}

/** Errors of the server that say something about it, its roles and its load, not about the program (PostgreSQL docs, appendix A). */
const OF_THE_SERVER: readonly (readonly [code: RegExp, kind: ErrorKind, hint: string])[] = [
  [
    /^55P03$/,
    'lock',
    'Another session has locked what was to be read or written, longer than lock_timeout lets this role wait: run again.',
  ],
  [
    /^57014$/,
    'connection',
    'Somebody cancelled the statement, or the statement_timeout of this role or database is too short for it.',
  ],
  [/^40/, 'connection', 'Another session stood in the way: run again.'],
  [/^42501$/, 'connection', 'The role lacks a privilege: grant it, or connect as another role.'],
  [/^25006$/, 'connection', 'The server takes no writes: it is a standby, or the database is set to read only.'],
  [/^53/, 'connection', 'The server lacks a resource: disk, memory or connections. Free some, and run again.'],
  [/^(?:57|58|F0|XX00[12])/, 'connection', "Look into the server's log: it is in trouble itself."],
];

function ofServer(error: unknown): AishaError | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: string; readonly severity?: string };
  if (!(error instanceof Error) || code === undefined || severity === undefined) return undefined;
  const known = OF_THE_SERVER.find(([pattern]) => pattern.test(code));
  return (
    known &&
    new AishaError(known[1], `the server says: ${error.message}`, { cause: error, hint: known[2], sqlState: code })
  );
}

/** What an abort cannot have caused. */
function isMistake(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

/** A command may say better than the signal what the interruption left behind; anything it merely ran into is hidden. */
function interrupted(error: unknown, reason: unknown): AishaError {
  const abort = reason instanceof AishaError ? reason : new AishaError('interrupted', 'interrupted');
  if (!(error instanceof AishaError) || error === abort) return abort;
  if (error.kind !== 'interrupted') return error;
  const hint = error.hint ?? abort.hint;
  const isSaid = error.message.startsWith('interrupted') && abort.message.startsWith('interrupted');
  return new AishaError('interrupted', isSaid ? error.message : `${abort.message}: ${error.message}`, {
    cause: error,
    details: error.details,
    ...(hint === undefined ? {} : { hint }),
  });
}

function stackOf(error: unknown, cwd: string): string[] {
  if (!(error instanceof Error)) return [];
  const cause = error.cause === undefined ? [] : ['caused by:', ...stackOf(error.cause, cwd)];
  const lines = (error.stack ?? String(error)).split('\n').map((line) => line.trim());
  return [...lines.map((line) => (cwd === '/' ? line : line.replaceAll(cwd, '.'))), ...cause];
}
