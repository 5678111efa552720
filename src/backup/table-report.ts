import { formatDuration } from '../duration.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import type { Difference } from './compare.ts';
import type { Manifest } from './manifest.ts';
import type { Problem } from './plan.ts';
import { listTable, refusal } from './restore-report.ts';

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
      countTable(merged === undefined ? 'Merge plan' : 'As it was before the merge', counts, plan.writtenAt),
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

/** What would be done, as a report tells of it. */
export interface ReportedPreview {
  readonly table: TableName & { readonly rows: number };
  readonly command: readonly string[];
  readonly measuredMs: number | undefined;
  readonly problems: readonly Problem[];
  readonly way:
    | { readonly kind: 'whole'; readonly parts: readonly string[] }
    | {
        readonly kind: 'beside';
        readonly schema: string;
        readonly plan: ReportedMerge['plan'];
        readonly key: readonly string[];
        readonly bytes: number;
        readonly estimatedRows: number;
        readonly checked: readonly string[];
        readonly compared: Pick<ReportedMerge, 'counts' | 'orphans' | 'taken'> | undefined;
      };
}

/** The plan with everything that stands against it; nothing was written. */
export function plannedTableResult(
  manifest: Manifest,
  preview: ReportedPreview,
  merge: 'missing' | 'changed' | undefined,
): CommandResult {
  const { way, problems, measuredMs, command } = preview;
  const table = nameOf(preview.table);
  const text =
    way.kind === 'whole'
      ? `would restore ${table} whole, ${counted(preview.table.rows, 'row')}: it is not there; nothing was written`
      : `would load ${counted(preview.table.rows, 'row')} of ${table} beside it, compare them${merge === undefined ? '' : ` and merge (${merge})`}; nothing was written`;
  const time =
    measuredMs === undefined
      ? 'not measured yet: aisha-db backup verify ID --restore does'
      : `at most ${formatDuration(measuredMs)}, which the whole backup took`;
  const rows: [string, string][] = [
    ['backup', `${manifest.id} of ${manifest.database.name}, snapshot of ${manifest.createdAt}`],
    ...(way.kind === 'whole' ? wholeRows(manifest.tableBytes) : besideRows(preview.table, way, merge)),
    ['time', time],
    ['command', command.join(' ')],
  ];
  return {
    text,
    tables: [
      { columns: ['', ''], rows },
      ...(way.kind === 'whole'
        ? listTable('Made with it', way.parts)
        : [
            ...(way.compared === undefined ? [] : [countTable('Merge plan', way.compared.counts, way.plan.writtenAt)]),
            ...conflictTable('Would refer to nothing', 'foreign key', way.compared?.orphans ?? []),
            ...conflictTable('Have values that other rows have by now', 'unique', way.compared?.taken ?? []),
            ...listTable('Worth knowing', way.plan.warnings),
          ]),
    ],
    data: {
      plan: {
        backup: manifest.id,
        table,
        merge: merge ?? null,
        command,
        measuredMs: measuredMs ?? null,
        problems,
        ...way,
      },
    },
    ...(problems.length === 0 ? {} : { error: refusal(problems, 'the restore would be refused') }),
  };
}

function wholeRows(all: number): [string, string][] {
  return [
    ['way', 'one transaction: table, rows, then the rest; compared with what was backed up before the commit'],
    ['disk', `at most ${quantity(all, 'bytes')}, which all tables took; indexes and WAL come on top`],
    ['grants', 'those of default privileges are taken back before its own come'],
    [
      'locks',
      'none on other tables, but for those that its foreign keys refer to: they take no writes until the commit',
    ],
  ];
}

function besideRows(
  table: ReportedPreview['table'],
  way: Extract<ReportedPreview['way'], { kind: 'beside' }>,
  merge: 'missing' | 'changed' | undefined,
): [string, string][] {
  const { schema, key, bytes, estimatedRows, checked, compared } = way;
  const share = estimatedRows === 0 ? 1 : table.rows / estimatedRows;
  const loading =
    compared === undefined
      ? `${counted(table.rows, 'row')} into the schema ${schema}, closed to everybody else`
      : `nothing: an earlier run has loaded the rows into ${schema}`;
  return [
    ['load', loading],
    ['match', key.length === 0 ? 'nothing to match rows by' : `by ${key.join(', ')}`],
    [
      'disk',
      compared === undefined
        ? `about ${quantity(Math.round(bytes * share), 'bytes')} on the server, by the size of the table; WAL comes on top`
        : 'no more than now',
    ],
    ['locks', 'ACCESS SHARE on the table while rows are compared: nobody waits'],
    ...(merge === undefined
      ? []
      : ([
          ['merge', `${MERGES[merge]}; the rest stays`],
          [
            'merge locks',
            'SHARE ROW EXCLUSIVE on the table, for one transaction: who reads goes on, who writes waits; --lock-timeout limits the wait for it',
          ],
          ['checked before', checked.length === 0 ? 'no foreign key, no unique constraint' : checked.join(', ')],
          ['sequences', 'raised behind the highest number, never lowered'],
        ] as [string, string][])),
  ];
}

const MERGES = {
  missing: 'rows that are gone are put back',
  changed: 'rows that are gone are put back, changed ones get their old values unless they are newer than the backup',
} as const;

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

function countTable(title: string, counts: ReportedMerge['counts'], writtenAt: string | undefined): ReportTable {
  return {
    title,
    columns: ['rows', '', 'merge'],
    alignRight: [0],
    rows: [
      [quantity(counts.missing), 'in the backup and not in the table', 'missing, changed'],
      [quantity(counts.changed), 'with other values in the table', 'changed'],
      [quantity(counts.newer), `with other values, written after the backup (${writtenAt ?? 'unknown'})`, 'never'],
      [quantity(counts.since), 'in the table and not in the backup', 'never'],
    ],
  };
}

function nameOf({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}
