/** Lock modes of a table from the weakest to the strongest (PostgreSQL docs 13.3.1, table 13.2). */
const MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const;

/** What others cannot do while a transaction holds the lock; the weakest three are what reading and writing take. */
const BLOCKS: Readonly<Record<string, string>> = {
  AccessShareLock: 'nothing but what takes the table away',
  RowShareLock: 'nothing but changes of the schema',
  RowExclusiveLock: 'building indexes and changes of the schema',
  ShareUpdateExclusiveLock: 'vacuum and changes of the schema',
  ShareLock: 'writing',
  ShareRowExclusiveLock: 'writing',
  ExclusiveLock: 'writing and SELECT FOR UPDATE',
  AccessExclusiveLock: 'reading and writing',
};

const WRITES_BLOCKED_FROM = MODES.indexOf('ShareLock');

/** The strongest of several modes. */
export function strongestMode(modes: readonly string[]): string {
  return [...modes].sort((a, b) => rank(b) - rank(a))[0] ?? MODES[0];
}

/** What a lock of that mode keeps others from. */
export function blockedBy(mode: string): string {
  return BLOCKS[mode] ?? 'unknown';
}

/** Whether the application notices: its writes wait, or its reads too. */
export function stopsWriters(mode: string): boolean {
  return rank(mode) >= WRITES_BLOCKED_FROM;
}

/** `ACCESS EXCLUSIVE`, as LOCK TABLE and the documentation write it. */
export function modeName(mode: string): string {
  return mode
    .replace(/Lock$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
}

function rank(mode: string): number {
  return (MODES as readonly string[]).indexOf(mode);
}
