import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';

export const CADENCES = ['weekly', 'monthly', 'quarterly'] as const;
export type Cadence = (typeof CADENCES)[number];

export type WorkTask = 'vacuum' | 'analyze' | 'reindex';

/** A task of a routine: work on tables or indexes, a question to the checks, or one of its own. */
export interface Task {
  readonly name: string;
  readonly title: string;
  /** Checks or categories of diagnose. */
  readonly checks: readonly string[];
  readonly work: WorkTask | undefined;
  readonly own: 'growth' | 'errors' | 'baseline' | 'backup' | undefined;
}

type TaskParts = Partial<Omit<Task, 'name'>> & Pick<Task, 'title'>;

const TASKS: Readonly<Record<string, TaskParts>> = {
  'slow-queries': {
    title: 'Slow queries',
    checks: ['slow-query', 'top-query', 'spilling-query', 'statement-statistics', 'slow-query-log'],
  },
  disk: { title: 'Disk and growth', checks: ['database-size', 'retained-wal'], own: 'growth' },
  connections: { title: 'Connections', checks: ['connections'] },
  errors: { title: 'Errors', checks: ['invalid-index', 'unvalidated-constraint', 'disabled-trigger'], own: 'errors' },
  vacuum: { title: 'VACUUM', work: 'vacuum' },
  analyze: { title: 'ANALYZE', work: 'analyze' },
  reindex: { title: 'REINDEX', work: 'reindex' },
  'unused-indexes': { title: 'Unused indexes', checks: ['unused-index', 'duplicate-index', 'redundant-index'] },
  statistics: { title: 'Statistics', checks: ['never-analysed', 'stale-statistics'] },
  backup: { title: 'Full backup', own: 'backup' },
  security: { title: 'Security', checks: ['security'] },
  baseline: { title: 'Performance baseline', checks: ['cache-hit', 'checkpoint-pressure'], own: 'baseline' },
  'query-review': { title: 'Queries', checks: ['queries'] },
};

/** What each routine does unless the configuration says otherwise: manual, 10.1. */
export const DEFAULT_ROUTINES: Readonly<Record<Cadence, readonly string[]>> = {
  weekly: ['slow-queries', 'disk', 'connections', 'errors', 'analyze'],
  monthly: ['vacuum', 'analyze', 'reindex', 'unused-indexes', 'statistics'],
  quarterly: ['backup', 'security', 'baseline', 'query-review'],
};

/**
 * The tasks of a routine. A name that is none of the known tasks is a check or a category of diagnose.
 * @throws AishaError (usage) with every name at once that is neither
 */
export function tasksOf(names: readonly string[], knownChecks: ReadonlySet<string>): readonly Task[] {
  const unknown = names.filter((name) => !Object.hasOwn(TASKS, name) && !knownChecks.has(name));
  if (unknown.length > 0) {
    const known = [...Object.keys(TASKS), ...knownChecks];
    const meant = unknown.flatMap((name) => didYouMean(name, known) ?? []);
    throw new AishaError('usage', `no task, check or category ${unknown.map((name) => `"${name}"`).join(', ')}`, {
      hint: `${meant.length === 0 ? '' : `Did you mean ${meant.join(', ')}? `}Tasks are ${Object.keys(TASKS).join(', ')}.`,
    });
  }
  return [...new Set(names)].map((name) => {
    const { title, checks = [], work, own } = TASKS[name] ?? { title: name, checks: [name] };
    return { name, title, checks, work, own };
  });
}
