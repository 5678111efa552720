import type { Context } from '../commands/command.ts';
import { parseDuration } from '../duration.ts';
import { type CountResult, countOrphans } from '../orphans/count.ts';
import type { Target } from '../postgres/target.ts';
import { runHooks } from './migration.ts';

/** A line of progress at most this often (ms): most runs are over before the first. */
const PROGRESS_MS = 2_000;

/** What the options of the command say about counting. */
export interface CountArguments {
  readonly list: boolean;
  readonly relationTimeout?: unknown;
}

/** Counts the orphans of the relations that the names mean, as the configuration and the options want it. */
export function countRelations(
  context: Context,
  target: Target,
  names: readonly string[],
  { list, relationTimeout }: CountArguments,
): Promise<CountResult> {
  const { orphans, diagnostics, tenancy } = context.config;
  const timeoutMs =
    typeof relationTimeout === 'string' ? parseDuration(relationTimeout, '--relation-timeout') : orphans.timeoutMs;
  return countOrphans(target, {
    ...orphans,
    timeoutMs,
    ignoreSchemas: diagnostics.ignoreSchemas,
    tenantColumns: tenancy.columns,
    names,
    estimateOnly: list,
    signal: context.signal,
    connected: runHooks(context, target).connected,
    onProgress: progress(context),
  });
}

function progress({ talk }: Context): (done: number, total: number, next: string) => void {
  let last = Date.now();
  return (done, total, next) => {
    if (Date.now() - last < PROGRESS_MS) return;
    last = Date.now();
    talk.info(`${done} of ${total} relations are counted; next: ${next}`);
  };
}
