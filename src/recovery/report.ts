import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, Finding, ReportTable } from '../report/report.ts';
import { type Assessment, type Choice, type Incident, losses } from './incident.ts';
import type { Undone } from './undo.ts';
import type { UndoPlan } from './undo-plan.ts';

/** Where the incident is kept. */
interface Kept {
  readonly incident: Incident;
  /** Of the Markdown report. */
  readonly path: string;
}

/** What is broken: the report of `recover assess`. */
export function assessedResult(assessment: Assessment, kept: Kept): CommandResult {
  const { bursts = [], missing, changed, orphans, ledger, unknown, backup, isLost } = assessment;
  const lost = losses(assessment);
  return {
    text: isLost
      ? 'the database does not exist any more'
      : `${counted(lost.length, 'table')} lost rows or are gone, ${counted(missing.length, 'object')} gone in all; compared with ${backup?.id ?? 'nothing: there is no backup'}`,
    checks: [
      ...unknown.map((reason, index) => ({
        id: `recover-unknown-${index + 1}`,
        title: 'Something could not be looked at',
        status: 'unknown' as const,
        reason,
      })),
    ],
    findings: [
      ...lost.map(
        ({ table, rowsThen, rowsNow, estimated }): Finding => ({
          check: rowsNow === undefined ? 'table-lost' : 'rows-lost',
          severity: 'critical',
          object: table,
          message:
            rowsNow === undefined
              ? `is gone; the backup has ${counted(rowsThen, 'row')} of it`
              : `has ${estimated ? 'about ' : ''}${counted(rowsNow, 'row')}; the backup has ${quantity(rowsThen)}`,
          metric: rowsThen - (rowsNow ?? 0),
          unit: 'count',
        }),
      ),
      ...orphans.map(
        ({ relation, rows }): Finding => ({
          check: 'orphans',
          severity: 'warning',
          object: relation,
          message: `${counted(rows, 'row')} whose parent is gone`,
          metric: rows,
          unit: 'count',
        }),
      ),
      ...ledger.map(
        (line): Finding => ({
          check: 'ledger',
          severity: 'warning',
          object: 'migrations',
          message: line,
          fingerprint: `ledger ${line}`,
        }),
      ),
    ],
    tables: filled([
      {
        title: 'who did what, the largest first',
        columns: ['at', 'who', 'did', 'table', 'rows'],
        alignRight: [4],
        rows: bursts.map(({ at, by, action, table, rows }) => [at, by ?? '', action, table, quantity(rows)]),
      },
      { title: 'gone', columns: ['object'], rows: missing.slice(0, 30).map((object) => [object]) },
      { title: 'other than in the backup', columns: ['object'], rows: changed.slice(0, 30).map((object) => [object]) },
    ]),
    data: dataOf(kept),
  };
}

/** The ways back: the report of `recover choose`. */
export function chosenResult({ ways, recommended, byTheManual }: Choice, kept: Kept): CommandResult {
  const way = ways.find(({ method }) => method === recommended);
  return {
    text:
      way === undefined
        ? 'nothing that exists brings anything back'
        : `recommended: ${way.method} (${way.command}); by the age of the incident the manual says ${byTheManual}`,
    tables: [
      {
        columns: ['way', '', 'RTO', 'RPO', 'what it means'],
        rows: ways.map(({ method, possible, sufficient, rto, rpo, note }) => [
          method,
          possible ? (sufficient ? 'all of it' : 'part of it') : 'no',
          rto,
          rpo,
          note,
        ]),
      },
    ],
    data: dataOf(kept),
  };
}

/** What an undo would do, or did: the report of `recover undo`. */
export function undoResult(plan: UndoPlan, undone: readonly Undone[], isDone: boolean, kept: Kept): CommandResult {
  const rows = undone.reduce((sum, { inserted, updated }) => sum + inserted + updated, 0);
  return {
    text: isDone
      ? `brought back ${counted(rows, 'row')}`
      : `would bring back ${counted(rows, 'row')}; nothing was written`,
    tables: filled([
      {
        columns: ['table', 'put back', 'set back', 'left alone'],
        alignRight: [1, 2, 3],
        rows: undone.map(({ table, inserted, updated, skipped }) => [
          table,
          quantity(inserted),
          quantity(updated),
          quantity(skipped),
        ]),
      },
      { columns: ['not brought back'], rows: plan.left.map((line) => [line]) },
    ]),
    data: { ...dataOf(kept), undo: { undone, left: plan.left, done: isDone } },
  };
}

/**
 * A step that was carried out or proved.
 * @param wrong those of the lines that are not as they should be
 */
export function stepResult(
  text: string,
  lines: readonly string[],
  kept: Kept,
  wrong: readonly string[] = [],
): CommandResult {
  return {
    text,
    tables: filled([{ columns: [''], rows: lines.map((line) => [line]) }]),
    findings: wrong.map(
      (line): Finding => ({
        check: 'recovery-incomplete',
        severity: 'critical',
        object: kept.incident.database,
        message: line,
        fingerprint: `recovery ${line}`,
      }),
    ),
    data: dataOf(kept),
  };
}

function filled(tables: readonly ReportTable[]): ReportTable[] {
  return tables.filter(({ rows }) => rows.length > 0);
}

function dataOf({ incident, path }: Kept): Readonly<Record<string, unknown>> {
  return { incident, report: path };
}
