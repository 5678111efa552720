/** An error of the server, field by field (PostgreSQL docs, "Error and Notice Message Fields"). */
export interface ServerError {
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly where: string | undefined;
  /** 1-based, in characters of the message that was sent. */
  readonly position: number | undefined;
  /** The same inside a query that a function ran. */
  readonly internalPosition: number | undefined;
  readonly internalQuery: string | undefined;
}

/** SQLSTATEs the program acts on (PostgreSQL docs, Appendix A). */
export const SQLSTATE = {
  lockNotAvailable: '55P03',
  deadlock: '40P01',
  serialization: '40001',
  canceled: '57014',
  adminShutdown: '57P01',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  invalidSchema: '3F000',
  insufficientPrivilege: '42501',
  activeTransaction: '25001',
  invalidTermination: '2D000',
  unsafeNewEnumValue: '55P04',
  divisionByZero: '22012',
  undefinedObject: '42704',
  invalidText: '22P02',
  diskFull: '53100',
  tooManyConnections: '53300',
  readOnly: '25006',
} as const;

/** The server's error, or `undefined` for anything else (a lost connection, a defect). */
export function serverError(error: unknown): ServerError | undefined {
  if (!(error instanceof Error) || !('severity' in error) || typeof (error as { code?: unknown }).code !== 'string')
    return undefined;
  const fields = error as unknown as Error & Readonly<Record<string, string | undefined>>;
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  return {
    code: fields['code']!,
    message: error.message,
    detail: fields['detail'],
    hint: fields['hint'],
    where: fields['where'],
    position: number(fields['position']),
    internalPosition: number(fields['internalPosition']),
    internalQuery: fields['internalQuery'],
  };
}

/** The connection is lost, or the server lacks a resource, is stopping or cannot read its files: not the query's fault. */
export function isServerTrouble(error: unknown): boolean {
  const { code } = serverError(error) ?? {};
  // Classes of PostgreSQL docs, Appendix A; the rest is what the driver says.
  if (code !== undefined) return ['08', '53', '57', '58', 'XX'].includes(code.slice(0, 2));
  return error instanceof Error && /^Connection terminated|ECONNRESET|EPIPE/.test(error.message);
}
