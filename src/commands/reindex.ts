import { dryRunOption, windowOptions } from '../cli/maintenance-options.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'rebuild bloated indexes concurrently; remove what interrupted rebuilds left',
  description:
    'Decides from the estimated free space of B-trees (--exact measures it, with pgstattuple) which indexes are worth a REINDEX CONCURRENTLY, and rebuilds them one after the other, the largest waste first, while reads and writes go on. Indexes that are named, and those of tables that are named, are done whatever the estimate says. Invalid indexes named _ccnew or _ccold, which an interrupted REINDEX CONCURRENTLY leaves, are removed where the table has a valid index that is the same. --drop-unused drops indexes by name, after a question, when the check unused-index says as well that nothing used them, and shows how to make them again. See docs/maintain.md; aisha-db bloat only looks.',
  examples: [
    'aisha-db reindex --dry-run',
    'aisha-db reindex --until 05:00 --quiet',
    'aisha-db reindex public.contacts',
  ],
  database: true,
  failures: ['lock'],
  configure(command) {
    command.argument('[names...]', 'only these indexes, or those of these tables');
    dryRunOption(command);
    command
      .option('--drop-unused <index...>', 'drop these, if nothing used them for long enough; nothing else is done')
      .option('--exact', 'measure the bloat, which reads the largest indexes as a whole');
    windowOptions(command);
  },
  async run(context, args, options) {
    const { maintenanceRun, runMaintenance } = await import('../cli/maintenance.ts');
    return runMaintenance(context, maintenanceRun('reindex', ['reindex'], args, options));
  },
};
