/**
 * Exit codes: what scripts and cron jobs rely on (docs/exit-codes.md).
 */
export const EXIT = {
  ok: 0,
  findings: 1,
  usage: 2,
  connection: 3,
  plan: 4,
  changed: 5,
  lock: 6,
  rolledBack: 7,
  partial: 8,
  rlsGate: 9,
  backup: 10,
  tool: 11,
  defect: 70,
  interrupted: 130,
} as const;

/** Which kind of failure; the exit code follows from it. */
export type ErrorKind = Exclude<keyof typeof EXIT, 'ok'>;

export interface AishaErrorOptions {
  /** A full sentence that says what to do. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Further lines: one per problem, an SQL excerpt, what was tried. */
  readonly details?: readonly string[];
  /** SQLSTATE, when the error came from the server. */
  readonly sqlState?: string;
}

/**
 * The one error class of the program: `message` says what is wrong (lower case, no full stop, naming the thing),
 * `hint` what to do. Anything else that is thrown is a defect of the program (exit code 70).
 */
export class AishaError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  readonly sqlState: string | undefined;

  constructor(kind: ErrorKind, message: string, options: AishaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AishaError';
    this.kind = kind;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.sqlState = options.sqlState;
  }

  get exitCode(): number {
    return EXIT[this.kind];
  }
}

/**
 * What a caller needs of an unknown thrown value in one line. Of the system's own (`ENOENT: no such file or directory,
 * open '/x'`) only the words: whoever quotes them names the file.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const prefix = `${(error as NodeJS.ErrnoException).code}: `;
  if (!error.message.startsWith(prefix)) return error.message;
  return error.message.slice(prefix.length).replace(/, [a-z]+( '.*)?$/s, '');
}
