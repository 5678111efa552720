import { counted, quantity } from '../report/quantity.ts';
import type { Finding, ReportTable } from '../report/report.ts';
import { type Coming, type Partition, type PartitionedTable, stepOf, unprotected } from './plan.ts';

/** `public.activities`. */
export function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}

function formatTime(time: number): string {
  return new Date(time)
    .toISOString()
    .replace(/T00:00:00\.000Z$/, '')
    .replace('T', ' ')
    .replace(/\.000Z$/, '');
}

/** `2027-01-01 to 2027-02-01`. */
export function formatRange({ from, to }: Pick<Coming, 'from' | 'to'>): string {
  return `${formatTime(from)} to ${formatTime(to)}`;
}

/** One line for each partitioned table. */
export function tablesTable(
  tables: readonly PartitionedTable[],
  missing: ReadonlyMap<PartitionedTable, number>,
): ReportTable {
  return {
    columns: ['table', 'by', 'step', 'partitions', 'until', 'missing'],
    alignRight: [3, 5],
    rows: tables.map((table) => {
      const last = Math.max(...table.partitions.map(({ range }) => range?.to ?? Number.NEGATIVE_INFINITY));
      return [
        nameOf(table),
        table.column,
        stepOf(table) ?? 'unknown',
        quantity(table.partitions.length),
        Number.isFinite(last) ? formatTime(last) : '',
        quantity(missing.get(table) ?? 0),
      ];
    }),
  };
}

/** Rows that no partition was there for: they slow every query down, and block the partition they belong into. */
export function defaultFinding(table: PartitionedTable, partition: Partition, rows: number): readonly Finding[] {
  if (rows === 0) return [];
  return [
    {
      check: 'partition-default-fills',
      severity: 'warning',
      object: nameOf(partition),
      message: `${counted(rows, 'row')} in the default partition of ${nameOf(table)}: the partition they belong into was not there in time`,
      remediation: 'Make partitions ahead of time: aisha-db partitions create, daily (docs/partitions.md).',
      metric: rows,
      unit: 'count',
    },
  ];
}

/** Partitions that can be read directly past the RLS of their table: RLS is that of the relation a query names. */
export function protectionFindings(table: PartitionedTable): readonly Finding[] {
  return unprotected(table).map((partition) => ({
    check: 'partition-without-rls',
    severity: 'critical' as const,
    object: nameOf(partition),
    message: `RLS of ${nameOf(table)} does not hold for a query that names this partition: it has ${partition.rlsEnabled ? (partition.policies === 0 ? 'no policy' : 'RLS that does not bind its owner') : 'no RLS'}`,
    remediation: 'Enable and force RLS on it, with the policies of its table.',
  }));
}

export function stepFinding(table: PartitionedTable): readonly Finding[] {
  if (stepOf(table) !== undefined) return [];
  return [
    {
      check: 'partition-step-unknown',
      severity: 'warning',
      object: nameOf(table),
      message: 'its newest partitions are not alike a day, week, month, quarter or year long: none can be made ahead',
      remediation: 'Make the next one by hand; three that are alike are enough.',
    },
  ];
}

/** The partition cannot be made while rows that belong into it lie in the default one. */
export function blockedFinding(table: PartitionedTable, coming: Coming, rows: number): Finding {
  return {
    check: 'partition-blocked',
    severity: 'critical',
    object: `${table.schema}.${coming.name}`,
    message: `${counted(rows, 'row')} of ${formatRange(coming)} in the default partition of ${nameOf(table)} block it`,
    remediation:
      'In one transaction: move these rows into a table like it, delete them from the default partition, attach the table (docs/partitions.md).',
    metric: rows,
    unit: 'count',
  };
}

export function failedFinding(check: string, object: string, reason: string): Finding {
  return { check, severity: 'warning', object, message: reason };
}
