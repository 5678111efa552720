import { dryRunOption, windowOptions } from '../cli/maintenance-options.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'renew the statistics of the tables whose rows changed',
  description:
    'Decides from the rows that changed since a table was analysed, and runs ANALYZE where they are too many, where a table was never analysed, and for roots of partitions, which autovacuum never does. Reads and writes go on. Tables that are named are done whether they need it or not. See docs/maintain.md; aisha-db diagnose stats only looks.',
  examples: ['aisha-db analyze --dry-run', 'aisha-db analyze --jobs 2', 'aisha-db analyze public.contacts'],
  database: true,
  failures: ['lock'],
  configure(command) {
    command.argument('[tables...]', 'only these; without names all that need it');
    dryRunOption(command);
    command.option('--jobs <number>', 'tables side by side');
    windowOptions(command);
  },
  async run(context, args, options) {
    const { maintenanceRun, runMaintenance } = await import('../cli/maintenance.ts');
    return runMaintenance(context, maintenanceRun('analyze', ['analyze'], args, options));
  },
};
