import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CopyProgress, rowProgress } from './progress.ts';
import { type ProgressWatch, watchProgress } from './watch-progress.ts';

export interface WatchOptions
  extends Pick<
    ProgressWatch,
    'session' | 'applicationName' | 'ownPids' | 'wasHeard' | 'idleTimeoutMs' | 'progress' | 'signal'
  > {
  /** File or folder that the dump writes. */
  readonly path: string;
  readonly rows: CopyProgress;
}

/**
 * Tells how far a dump is, until `signal` ends it.
 * @throws AishaError (backup) that names the blocker when nothing has moved for too long: no row, no byte, no word
 */
export async function watchDump({ path, rows, ...options }: WatchOptions): Promise<void> {
  return watchProgress({
    ...options,
    what: 'the dump',
    describe: (copies) => rowProgress('dumping', rows.sample(copies, performance.now())),
    sign: () => bytesOf(path),
  });
}

/** What lies there so far; a folder's files are counted one level deep, as pg_dump writes them. */
function bytesOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return stat?.size ?? 0;
  const sizes = readdirSync(path).map((name) => statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}
