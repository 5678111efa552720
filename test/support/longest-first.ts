import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take much longer than their size tells, the longest first. A run that knows no times, such as the first in
 * a clone, goes by size, and would begin them when all others are done: with one worker left, and nothing for the rest.
 */
const LONG = [
  'rehearsal/rehearse',
  'faults/faults',
  'migrations/kill',
  'backup/in-place',
  'seed/faults',
  'tenancy/mutants',
  'maintenance/work',
  'commands/self-test',
  'diagnostics/checks',
  'schedule/schedule',
  'partitions/convert-activities',
  'sql/rollbacks',
].map((name) => `/test/${name}.pg.test.ts`);

/** Begins the longest files first, the others in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => place(one) - place(other));
  }
}

function place({ moduleId }: TestSpecification): number {
  const found = LONG.findIndex((path) => moduleId.endsWith(path));
  return found === -1 ? LONG.length : found;
}
