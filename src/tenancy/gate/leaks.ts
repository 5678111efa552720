/** What the policies of a table let through that they should not, by a key that can be compared. */
export type Leaks = ReadonlyMap<string, Leak>;

export interface Leak {
  readonly words: string;
  /** Those who get it, if they have the right. */
  readonly roles: readonly string[];
}

/** What the policies of a table answered. */
export interface TableAnswer {
  readonly leaks: Leaks;
  /** What API roles may do to every row of a table whose rows are nobody's: `anon SELECT`. */
  readonly open: ReadonlySet<string>;
  /** Why there may be more: what could not be asked. */
  readonly undecided: string | undefined;
  /** It depends on nothing but the table, its policies and roles: not on other tables, nor on what functions do. */
  readonly isLasting: boolean;
}

/**
 * Leaks that were not there before, in words.
 * @param roles those whose leaks count, if not everybody's do
 */
export function newLeaks(now: Leaks, before: Leaks | undefined, roles: readonly string[] | undefined): string[] {
  return [...now].flatMap(([key, leak]) => {
    const counts = roles === undefined || leak.roles.some((role) => roles.includes(role));
    return counts && !before?.has(key) ? [leak.words] : [];
  });
}
