import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.ts';
import type { WorkItem } from './plan.ts';
import { describeProgress, type StatementProgress } from './progress.ts';

/** Statements in hand, by the server process that runs them. */
type InHand = ReadonlyMap<number, { readonly item: WorkItem; readonly since: number }>;

export interface Watch {
  readonly control: Session;
  readonly inHand: InHand;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** Statements that have ended, and all of the run. */
  readonly count: () => { readonly ended: number; readonly all: number };
  readonly tell: (line: string) => void;
}

/** Tells how far the statements in hand are, until the signal. A look that fails tells nothing: the work goes on. */
export async function watchWork({ control, inHand, everyMs, count, tell }: Watch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted || inHand.size === 0) continue;
    const statements = await look(control, inHand).catch(() => []);
    const { ended, all } = count();
    if (statements.length > 0 && !signal.aborted) tell(describeProgress(statements, ended, all));
  }
}

/** The four views of PostgreSQL 13 and later (docs 28.4); between two of its steps a statement is in none. */
async function look(control: Session, inHand: InHand): Promise<StatementProgress[]> {
  const rows = await control.query<Pick<StatementProgress, 'phase' | 'done' | 'total'> & { readonly pid: number }>(
    `select pid, phase, done::float8 as done, total::float8 as total
     from (
       -- Of its indexes VACUUM does not tell how far it is.
       select pid, phase, case phase when 'scanning heap' then heap_blks_scanned else heap_blks_vacuumed end as done,
         case when phase in ('scanning heap', 'vacuuming heap') then heap_blks_total else 0 end as total
       from pg_catalog.pg_stat_progress_vacuum
       union all
       select pid, phase, sample_blks_scanned, sample_blks_total from pg_catalog.pg_stat_progress_analyze
       union all
       select pid, phase, case when blocks_total > 0 then blocks_done when tuples_total > 0 then tuples_done else lockers_done end,
         greatest(nullif(blocks_total, 0), case when blocks_total > 0 then 0 else tuples_total end,
           case when blocks_total + tuples_total > 0 then 0 else lockers_total end)
       from pg_catalog.pg_stat_progress_create_index
       union all
       select pid, phase, heap_blks_scanned, heap_blks_total from pg_catalog.pg_stat_progress_cluster
     ) progress
     where pid = any ($1::integer[])`,
    [[...inHand.keys()]],
  );
  return rows.flatMap(({ pid, ...progress }) => {
    const begun = inHand.get(pid);
    return begun === undefined ? [] : [{ ...progress, item: begun.item, elapsedMs: Date.now() - begun.since }];
  });
}
