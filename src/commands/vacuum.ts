import { dryRunOption, windowOptions } from '../cli/maintenance-options.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'vacuum and analyse the tables that need it, largest benefit first',
  description:
    'Decides from dead rows, inserted rows and the age of the oldest row which tables need VACUUM (ANALYZE), and runs it one table after the other, or --jobs side by side, with a lock timeout, while reads and writes go on. Tables that are named are done whether they need it or not. What this role may not vacuum and what others work on is skipped by name; while the database is busy or a long transaction keeps dead rows, it waits. --full writes one table anew with VACUUM FULL: nobody reads or writes it meanwhile, so it wants a window (--until or --max-duration) that it fits into, and a yes. See docs/maintain.md; aisha-db diagnose vacuum only looks.',
  examples: [
    'aisha-db vacuum --dry-run',
    'aisha-db vacuum --until 05:00 --quiet',
    'aisha-db vacuum public.contacts public.activities',
    'aisha-db vacuum --full public.activities --max-duration 30min --dry-run',
  ],
  database: true,
  failures: ['lock'],
  configure(command) {
    command.argument('[tables...]', 'only these; without names all that need it');
    dryRunOption(command);
    command
      .option('--jobs <number>', 'tables side by side')
      .option('--full <table>', 'VACUUM FULL of this table, which locks it: a window is required');
    windowOptions(command);
  },
  async run(context, args, options) {
    const { maintenanceRun, runMaintenance } = await import('../cli/maintenance.ts');
    return runMaintenance(context, maintenanceRun('vacuum', ['vacuum'], args, options));
  },
};
