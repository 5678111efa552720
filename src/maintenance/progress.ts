import { formatDuration } from '../duration.ts';
import { progressBar } from '../report/progress.ts';
import type { WorkItem } from './plan.ts';

/** A statement in hand, as the views of progress tell of it. */
export interface StatementProgress {
  readonly item: Pick<WorkItem, 'kind' | 'object'>;
  /** Of the views: "scanning heap", "building index: loading tuples in tree". */
  readonly phase: string;
  /** Of the phase: blocks, rows or sessions that are waited for. */
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}

/** `[2/5] vacuum public.users [########------------] 42 % scanning heap, 12 s`; several statements side by side. */
export function describeProgress(statements: readonly StatementProgress[], ended: number, all: number): string {
  const each = statements.map((statement) => `${describe(statement)}`);
  return `[${Math.min(all, ended + statements.length)}/${all}] ${each.join('; ')}`;
}

function describe({ item, phase, done, total, elapsedMs }: StatementProgress): string {
  const time = formatDuration(Math.floor(elapsedMs / 1_000) * 1_000);
  const what = `${item.kind} ${item.object}`;
  const share = total <= 0 ? undefined : done / total;
  return progressBar({ what, share, details: [`${phase}, ${time}`] });
}
