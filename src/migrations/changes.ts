import { checksum, tokenChecksum } from './checksum.ts';
import type { MigrationPlan } from './plan.ts';

/**
 * How the content of an applied file differs from what was applied: cosmetic when the syntax tree is the same; taken as
 * semantic where the ledger knows too little of the old content (big files, files that include others).
 */
type Change = 'cosmetic' | 'semantic' | 'undecided';

/** What the ledger knows of the content that was applied. */
interface AppliedContent {
  readonly file: string;
  readonly tokenChecksum: string | null;
}

/** In words. */
export const CHANGE_TEXT: Readonly<Record<Change, string>> = {
  cosmetic: 'only comments, white space or letter case differ',
  semantic: 'its statements differ',
  undecided: 'nothing tells whether its statements differ',
};

/** @param now checksum of the file as it is, included files and all */
export function changeOf({ tokenChecksum: was }: AppliedContent, now: string, content: Uint8Array): Change {
  // Included files count into the checksum and not into the tokens.
  const isWhole = checksum(content) === now;
  if (was !== null && was !== tokenChecksum(content)) return 'semantic';
  return was !== null && isWhole ? 'cosmetic' : 'undecided';
}

/** Says of each changed file of a plan what kind of change it is; files are read only for that. */
export function withChanges(
  plan: MigrationPlan,
  rows: readonly AppliedContent[],
  read: (file: string) => Uint8Array,
): MigrationPlan {
  const changes = new Map<string, Change>();
  for (const { file, state, checksum: now } of plan.entries) {
    const row = state === 'changed' ? rows.find((r) => r.file === file) : undefined;
    if (row && now !== undefined) changes.set(file, changeOf(row, now, read(file)));
  }
  if (changes.size === 0) return plan;
  return {
    ...plan,
    entries: plan.entries.map((entry) => {
      const change = changes.get(entry.file);
      return change ? { ...entry, reason: `changed since it was applied: ${CHANGE_TEXT[change]}` } : entry;
    }),
    problems: plan.problems.map((problem) => {
      const change = changes.get(problem.file);
      if (!change || problem.kind !== 'changed') return problem;
      const accept =
        change === 'cosmetic' ? 'sign it again: aisha-db repair' : `accept the change: aisha-db repair ${problem.file}`;
      return {
        ...problem,
        message: `changed since it was applied: ${CHANGE_TEXT[change]}${change === 'undecided' ? '' : ` (${change})`}`,
        hint: `Restore the applied content, or ${accept}.`,
      };
    }),
  };
}
