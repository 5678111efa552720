import { formatDuration } from '../duration.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, ReportChart } from '../report/report.ts';
import type { Measures } from './measures.ts';
import type { WorkKind } from './plan.ts';

/** How a run ended; `stopped` left work for the next one, `killed` never said how. */
export type RunOutcome = 'done' | 'stopped' | 'failed' | 'running' | 'killed';

/** A run as it is kept beside the ledger. */
export interface RecordedRun {
  readonly id: number;
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly outcome: RunOutcome;
  readonly by: string;
  readonly measures: Measures | undefined;
  readonly tasks: readonly RecordedTask[];
}

/** A statement, or a task of a routine (without an object). */
interface RecordedTask {
  readonly task: WorkKind | (string & {});
  readonly object: string | undefined;
  readonly state: string;
  readonly reason: string | undefined;
  readonly ms: number;
  readonly bytesBefore: number | undefined;
  readonly bytesAfter: number | undefined;
}

/** Days after which a routine that was stopped is not gone on with: it begins anew. */
const RESUMABLE_DAYS = 7;

/** The latest run of that command, if it left something and is recent enough to be gone on with. */
export function unfinishedRun(runs: readonly RecordedRun[], command: string, now: number): RecordedRun | undefined {
  const last = runs.find((run) => run.command === command && run.outcome !== 'running');
  if (last === undefined || last.outcome === 'done' || last.outcome === 'failed') return undefined;
  return now - Date.parse(last.startedAt) <= RESUMABLE_DAYS * 86_400_000 ? last : undefined;
}

/** The report of `maintain --history`: runs from the latest, what each did, and the size of the database over time. */
export function historyReport(runs: readonly RecordedRun[]): CommandResult {
  const tasks = runs.flatMap((run) =>
    run.tasks.filter(({ object }) => object !== undefined).map((task) => ({ run, task })),
  );
  const size = (bytes: number | undefined) => (bytes === undefined ? '' : quantity(bytes, 'bytes'));
  return {
    text: runs.length === 0 ? 'No run of maintenance is recorded.' : `${counted(runs.length, 'run')} recorded.`,
    tables: [
      {
        title: 'Runs',
        columns: ['began', 'command', 'outcome', 'took', 'done', 'freed', 'by'],
        alignRight: [3, 4, 5],
        rows: runs.map((run) => [
          minute(run.startedAt),
          run.command,
          run.outcome,
          run.endedAt === undefined ? '' : formatDuration(Date.parse(run.endedAt) - Date.parse(run.startedAt)),
          `${run.tasks.filter(({ state }) => state === 'done').length} of ${run.tasks.length}`,
          size(freedBy(run)),
          run.by,
        ]),
      },
      {
        title: 'Latest work',
        columns: ['began', 'work', 'object', 'state', 'before', 'after', 'took'],
        alignRight: [4, 5, 6],
        rows: tasks
          .slice(0, 50)
          .map(({ run, task }) => [
            minute(run.startedAt),
            task.task,
            task.object ?? '',
            task.reason === undefined ? task.state : `${task.state}: ${task.reason}`,
            size(task.bytesBefore),
            size(task.bytesAfter),
            formatDuration(task.ms),
          ]),
      },
    ].filter(({ rows }) => rows.length > 0),
    charts: sizeCharts(runs),
    data: { runs },
  };
}

/** The size of the database and of its largest tables, over the runs that measured them. */
export function sizeCharts(runs: readonly RecordedRun[]): ReportChart[] {
  const measured = runs
    .flatMap(({ startedAt, measures }) => (measures === undefined ? [] : [{ at: startedAt, measures }]))
    .toReversed();
  const latest = measured.at(-1);
  if (latest === undefined || measured.length < 2) return [];
  const largest = Object.entries(latest.measures.tables).toSorted(([, a], [, b]) => b - a);
  const line = (label: string, of: (measures: Measures) => number | undefined) => ({
    label,
    points: measured.flatMap(({ at, measures }) => {
      const value = of(measures);
      return value === undefined ? [] : [{ at, value }];
    }),
  });
  return [
    {
      kind: 'time',
      title: 'Size of the database and of its largest tables',
      unit: 'bytes',
      lines: [
        line('database', ({ databaseBytes }) => databaseBytes),
        ...largest.slice(0, 5).map(([table]) => line(table, ({ tables }) => tables[table])),
      ],
    },
  ];
}

function freedBy({ tasks }: RecordedRun): number | undefined {
  const sized = tasks.filter(({ state, bytesBefore }) => state === 'done' && bytesBefore !== undefined);
  if (sized.length === 0) return undefined;
  return Math.max(
    0,
    sized.reduce((sum, { bytesBefore = 0, bytesAfter = 0 }) => sum + bytesBefore - bytesAfter, 0),
  );
}

function minute(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}Z`;
}
