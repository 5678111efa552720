import type { FixKind } from './fix-plan.ts';

/** What one transaction wrote to one table. */
export interface Written {
  readonly oid: number;
  readonly title: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** Rows of a table that a batch saved. */
export interface SavedCount {
  readonly oid: number;
  readonly action: 'orphan' | 'cascade' | 'change';
  readonly rows: number;
}

/** Everything that was written and not announced, or announced and not written, in words. */
export function compare(
  before: readonly Written[],
  after: readonly Written[],
  saved: readonly SavedCount[],
  kind: FixKind,
  acceptTriggers: boolean,
): readonly string[] {
  const oids = [...new Set([...after, ...saved].map(({ oid }) => oid))];
  return oids.flatMap((oid) => {
    const then = before.find((one) => one.oid === oid);
    const now = after.find((one) => one.oid === oid);
    const title = now?.title ?? `table ${oid}`;
    const deleted = (now?.deleted ?? 0) - (then?.deleted ?? 0);
    const updated = (now?.updated ?? 0) - (then?.updated ?? 0);
    const sum = (...actions: readonly SavedCount['action'][]) =>
      saved
        .filter((one) => one.oid === oid && actions.includes(one.action))
        .reduce((total, { rows }) => total + rows, 0);
    const wantDeleted = kind === 'delete' ? sum('orphan', 'cascade') : 0;
    const wantUpdated = kind === 'delete' ? sum('change') : sum('orphan');
    const isAccepted = updated === wantUpdated || (acceptTriggers && updated > wantUpdated);
    return [
      ...(deleted === wantDeleted ? [] : [`rows of ${title} deleted: ${deleted}, announced and saved: ${wantDeleted}`]),
      ...(isAccepted
        ? []
        : [`rows of ${title} changed: ${updated}, announced and saved: ${wantUpdated} (accept it with --triggers)`]),
    ];
  });
}
