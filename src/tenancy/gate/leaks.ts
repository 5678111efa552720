/** What the policies of a table let through that they should not: comparable key to words. */
export type Leaks = ReadonlyMap<string, string>;

/** What the policies of a table answered. */
export interface TableAnswer {
  readonly leaks: Leaks;
  /** Why there may be more: what could not be asked. */
  readonly undecided: string | undefined;
  /** It depends on nothing but the table, its policies and roles: not on other tables, nor on what functions do. */
  readonly isLasting: boolean;
}

/** Leaks that were not there before. */
export function newLeaks(now: Leaks, before: Leaks | undefined): string[] {
  return [...now].filter(([key]) => !before?.has(key)).map(([, words]) => words);
}
