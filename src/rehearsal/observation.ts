import { strongestMode } from './lock-modes.ts';

/** A table, index or view as the catalog has it between two files. */
export interface RelationState {
  readonly oid: number;
  /** Qualified and quoted where needed. */
  readonly name: string;
  /** `pg_class.relkind`. */
  readonly kind: string;
  /** Another number after the file: its storage was written anew (PostgreSQL docs 53.11). */
  readonly filenode: number;
  /** Heap, TOAST and indexes of a table. */
  readonly bytes: number;
  /** Rows by the last ANALYZE; 0 or less when there was none. */
  readonly rows: number;
}

/** What one transaction of a file had done when its ledger row was written. */
export interface Step {
  readonly locks: readonly { readonly oid: number; readonly mode: string }[];
  readonly changes: readonly TableChange[];
}

/** What the counters of a session say of one table. */
interface TableChange {
  readonly oid: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly scans: number;
  readonly scanned: number;
}

/** A lock that a file held on something that was there before it. */
export interface HeldLock {
  readonly table: string;
  readonly mode: string;
}

/** What a file did to one table that was there before it. */
export interface TableEffect {
  readonly table: string;
  /** Storage: written anew, emptied, or read from the first to the last row. */
  readonly storage: 'rewritten' | 'emptied' | 'scanned' | undefined;
  readonly rows: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface FileEffects {
  readonly locks: readonly HeldLock[];
  /** Tables of which something is to be said. */
  readonly tables: readonly TableEffect[];
  /** Rows inserted, updated and deleted, in new tables as well. */
  readonly rowsChanged: number;
}

/** Part of a table that has to be read before it counts as read whole: rows are estimates. */
const WHOLE = 0.9;

/** What a file did, from the catalog before and after it and from what its transactions said of themselves. */
export function effectsOf(
  before: readonly RelationState[],
  after: readonly RelationState[],
  steps: readonly Step[],
): FileEffects {
  const now = new Map(after.map((relation) => [relation.oid, relation]));
  const changes = sumChanges(steps);
  return {
    locks: locksOn(before, steps),
    tables: before
      .filter(({ kind }) => kind === 'r' || kind === 'm' || kind === 'p')
      .flatMap((relation) => effectOn(relation, now.get(relation.oid), changes.get(relation.oid)) ?? []),
    rowsChanged: [...changes.values()].reduce((sum, one) => sum + one.inserted + one.updated + one.deleted, 0),
  };
}

function sumChanges(steps: readonly Step[]): ReadonlyMap<number, TableChange> {
  const sums = new Map<number, TableChange>();
  for (const change of steps.flatMap((step) => step.changes)) {
    const sum = sums.get(change.oid);
    sums.set(change.oid, sum === undefined ? change : add(sum, change));
  }
  return sums;
}

function add(a: TableChange, b: TableChange): TableChange {
  return {
    oid: a.oid,
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    deleted: a.deleted + b.deleted,
    scans: a.scans + b.scans,
    scanned: a.scanned + b.scanned,
  };
}

function locksOn(before: readonly RelationState[], steps: readonly Step[]): HeldLock[] {
  const modes = new Map<number, string[]>();
  for (const { oid, mode } of steps.flatMap((step) => step.locks)) modes.set(oid, [...(modes.get(oid) ?? []), mode]);
  return before.flatMap(({ oid, name, kind }) => {
    const own = modes.get(oid);
    // Whoever uses an index has met the lock of its table before.
    return own === undefined || kind === 'i' ? [] : [{ table: name, mode: strongestMode(own) }];
  });
}

function effectOn(
  before: RelationState,
  after: RelationState | undefined,
  change: TableChange | undefined,
): TableEffect | undefined {
  const storage = storageEffect(before, after, change);
  const { inserted, updated, deleted } = change ?? { inserted: 0, updated: 0, deleted: 0 };
  const bytesAfter = after?.bytes ?? 0;
  if (storage === undefined && inserted + updated + deleted === 0 && bytesAfter === before.bytes) return undefined;
  return {
    table: before.name,
    storage,
    rows: Math.max(0, before.rows),
    bytesBefore: before.bytes,
    bytesAfter,
    inserted,
    updated,
    deleted,
  };
}

function storageEffect(
  before: RelationState,
  after: RelationState | undefined,
  change: TableChange | undefined,
): TableEffect['storage'] {
  const isReadWhole =
    change !== undefined && change.scans > 0 && change.scanned > 0 && change.scanned >= before.rows * WHOLE;
  if (after !== undefined && after.filenode !== before.filenode) {
    // TRUNCATE gives the table new storage without having read the old.
    return before.rows > 0 && !isReadWhole ? 'emptied' : 'rewritten';
  }
  return isReadWhole ? 'scanned' : undefined;
}
