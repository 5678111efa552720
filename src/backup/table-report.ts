import { formatDuration } from '../duration.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import type { Difference } from './compare.ts';
import type { Manifest } from './manifest.ts';

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** A table that was gone and is there again, as a report tells of it. */
export interface ReportedRestoredTable {
  readonly table: TableName;
  readonly rows: number;
  readonly restoreMs: number;
  readonly left: readonly string[];
}

interface ReportedConflict {
  readonly name: string;
  readonly rows: number;
  readonly mode: string;
}

/** A table that was compared with its backup, and perhaps merged. */
export interface ReportedMerge {
  readonly table: TableName;
  readonly schema: string;
  readonly plan: { readonly warnings: readonly string[]; readonly writtenAt: string | undefined };
  readonly counts: {
    readonly missing: number;
    readonly changed: number;
    readonly newer: number;
    readonly since: number;
  };
  readonly orphans: readonly ReportedConflict[];
  readonly taken: readonly ReportedConflict[];
  readonly differences: readonly Difference[];
  readonly merged:
    | { readonly inserted: number; readonly updated: number; readonly raised: readonly string[] }
    | undefined;
  readonly sideKept: boolean;
}

/** The result of restoring a table that was gone. */
export function restoredTableResult(manifest: Manifest, restored: ReportedRestoredTable): CommandResult {
  const { rows, restoreMs, left } = restored;
  const table = nameOf(restored.table);
  return {
    text: `${table} was restored from ${manifest.id} with its indexes, constraints, sequences, policies and grants: ${counted(rows, 'row')} in ${formatDuration(restoreMs)}`,
    tables: listTable('Needs the table and is not part of it: not restored', left),
    data: { restore: { backup: manifest.id, ...restored, table } },
  };
}

/** The result of a comparison or a merge. */
export function mergeResult(manifest: Manifest, merge: ReportedMerge): CommandResult {
  const { schema, plan, counts, orphans, taken, differences, merged, sideKept } = merge;
  const table = nameOf(merge.table);
  const side = `${quoteIdentifier(schema)}.${quoteIdentifier(merge.table.name)}`;
  const hint = `see: select * from ${side}; merge: --merge missing or --merge changed; remove: --discard`;
  const text =
    merged === undefined
      ? `${table} was compared with ${manifest.id}; nothing was changed. The rows of the backup are kept: ${hint}`
      : `${table}: ${counted(merged.inserted, 'row')} of ${manifest.id} put back, ${counted(merged.updated, 'row')} given old values${sideKept ? `; the rows of the backup are kept in ${side}` : ''}`;
  return {
    text,
    tables: [
      {
        title: merged === undefined ? 'Merge plan' : 'As it was before the merge',
        columns: ['rows', '', 'merge'],
        alignRight: [0],
        rows: [
          [quantity(counts.missing), 'in the backup and not in the table', 'missing, changed'],
          [quantity(counts.changed), 'with other values in the table', 'changed'],
          [
            quantity(counts.newer),
            `with other values, written after the backup (${plan.writtenAt ?? 'unknown'})`,
            'never',
          ],
          [quantity(counts.since), 'in the table and not in the backup', 'never'],
        ],
      },
      ...conflictTable('Would refer to nothing', 'foreign key', orphans),
      ...conflictTable('Have values that other rows have by now', 'unique', taken),
      ...listTable('Sequences that were raised', merged?.raised ?? []),
      ...listTable('Worth knowing', plan.warnings),
      ...listTable(
        'The table itself is not what it was (left as it is)',
        differences.map(({ object, message }) => `${object} ${message.replaceAll('after the restore', 'now')}`),
      ),
    ],
    data: { merge: { backup: manifest.id, ...merge, table, side } },
  };
}

function conflictTable(title: string, kind: string, conflicts: readonly ReportedConflict[]): ReportTable[] {
  if (conflicts.length === 0) return [];
  return [
    {
      title,
      columns: ['rows', kind, 'merge'],
      alignRight: [0],
      rows: conflicts.map(({ name, rows, mode }) => [quantity(rows), name, mode]),
    },
  ];
}

function listTable(title: string, items: readonly string[]): ReportTable[] {
  return items.length === 0 ? [] : [{ title, columns: [''], rows: items.map((item) => [item]) }];
}

function nameOf({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}
