import { dryRunOption, windowOptions } from '../cli/maintenance-options.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { Command } from './command.ts';

const ROUTINES = ['weekly', 'monthly', 'quarterly', 'resume'];

export const command: Command = {
  summary: 'do the weekly, monthly or quarterly routine: work on tables and indexes, and the questions to ask',
  description:
    'weekly: slow queries, disk and growth, connections, errors, ANALYZE of what is stale. monthly: VACUUM (ANALYZE) and REINDEX CONCURRENTLY of what needs it, unused indexes, statistics. quarterly: a full backup that is proved by a restore and copied to external storage, the security check, the performance compared with the last baseline, a review of queries. The configuration says otherwise (maintenance.routines). Made for cron: one run at a time (exit code 6), a window (--until, --max-duration), patience with a busy database, one line with --quiet, every run recorded beside the ledger. What a window left is gone on with by the next run, or by maintain resume in the nights after. See docs/maintain.md.',
  examples: [
    'aisha-db maintain weekly --quiet',
    'aisha-db maintain monthly --dry-run',
    'aisha-db maintain monthly --until 05:00 --jobs 2',
    'aisha-db maintain resume --until 05:00 --quiet',
    'aisha-db maintain --history',
  ],
  database: true,
  failures: ['lock', 'backup'],
  words: () => ROUTINES,
  configure(command) {
    command.argument('[routine]', ROUTINES.join(', '));
    dryRunOption(command);
    command
      .option('--history', 'show the runs that are recorded, and how sizes went')
      .option('--jobs <number>', 'tables side by side')
      .option('--exact', 'measure the bloat of indexes, which reads the largest as a whole');
    windowOptions(command);
  },
  async run(context, [routine], options) {
    const { maintain, resume, showHistory } = await import('../cli/maintain.ts');
    if (options['history'] === true) return showHistory(context);
    const { maintenanceRun } = await import('../cli/maintenance.ts');
    const runOf = (name: string) => maintenanceRun(`maintain ${name}`, [], [], options);
    if (routine === 'resume') return resume(context, runOf);
    if (routine === 'weekly' || routine === 'monthly' || routine === 'quarterly')
      return maintain(context, routine, runOf(routine));
    const meant = routine === undefined ? undefined : didYouMean(routine, ROUTINES);
    throw new AishaError('usage', routine === undefined ? 'which routine is missing' : `no routine "${routine}"`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}Choose one of ${ROUTINES.join(', ')}.`,
    });
  },
};
