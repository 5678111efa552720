/**
 * What a restore writes about a database into the server itself (COMMENT ON DATABASE), so that every later run, from
 * whatever machine, knows what it is and whether it is whole.
 */
export interface RestoreMark {
  /** `unfinished`: somebody is at it, or was killed. `ready`: whole and compared, waiting for its swap. */
  readonly state: 'unfinished' | 'ready';
  /** Identifier of the backup. */
  readonly backup: string;
  /** Database that it is to take the place of; absent for one that is only restored. */
  readonly replaces?: string;
}

const PREFIX = 'aisha-db restore ';

export function writeMark(mark: RestoreMark): string {
  return `${PREFIX}${JSON.stringify(mark)}`;
}

/** `undefined` for a comment that is not ours. */
export function readMark(comment: string | null): RestoreMark | undefined {
  if (comment?.startsWith(PREFIX) !== true) return undefined;
  try {
    return JSON.parse(comment.slice(PREFIX.length)) as RestoreMark;
  } catch {
    return undefined;
  }
}
