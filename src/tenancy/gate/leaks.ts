/** What the policies of a table let through that they should not: comparable key to words. */
export type Leaks = ReadonlyMap<string, string>;

/** What the policies of a table answered, or why they could not be asked. */
export type TableAnswer = { readonly leaks: Leaks } | { readonly undecided: string };

/** Leaks that were not there before. */
export function newLeaks(now: Leaks, before: Leaks | undefined): string[] {
  return [...now].filter(([key]) => !before?.has(key)).map(([, words]) => words);
}
