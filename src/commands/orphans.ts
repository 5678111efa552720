import { countRelations } from '../cli/orphans.ts';
import { AishaError } from '../errors.ts';
import { countResult, listResult } from '../orphans/result.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'find rows whose parent is gone, and repair them',
  description:
    'Compares each relation of the database: foreign keys, also those that are NOT VALID, relations that only the name of a column tells (tenant_id, account_id, related_id with related_type), and those of the configuration. The cheapest first, each in a short read-only transaction; one that cannot be counted is unknown, with the grant or setting that would decide it. docs/orphans.md says how relations are found and corrected.',
  examples: [
    'aisha-db orphans',
    'aisha-db orphans --list',
    'aisha-db orphans contacts activities.related_id --format json',
    'aisha-db orphans contacts --fix set-null --dry-run',
    'aisha-db orphans notes --fix delete --cascade --yes',
    'aisha-db orphans --restore 3',
  ],
  database: true,
  failures: ['plan', 'lock', 'rolledBack', 'partial'],
  configure(command) {
    command
      .argument('[names...]', 'tables, table.column, or relations as the report names them; all when absent')
      .option('--list', 'show the relations and what counting them would cost, and count nothing')
      .option('--relation-timeout <duration>', 'how long counting one relation may take (default: 30s)')
      .option('--fix <kind>', 'set-null, delete, or report: what either would do')
      .option('--dry-run', 'with --fix or --restore: show what would be done')
      .option('--cascade', 'accept what foreign keys delete or change along with the orphans')
      .option('--triggers', 'accept that triggers change rows of other tables, which are not saved')
      .option('--batch-size <rows>', 'rows of one transaction', '1000')
      .option('--pause <duration>', 'between two transactions', '100ms')
      .option('--lock-timeout <duration>', 'how long a repair may wait for a lock', '2s')
      .option('--restore <number>', 'put the rows of a repair back');
  },
  async run(context, args, options) {
    refuseUnfit(options);
    if (options['restore'] !== undefined || options['fix'] !== undefined) {
      const { fixOrphans, restoreOrphans } = await import('../cli/orphans-fix.ts');
      return options['fix'] === undefined ? restoreOrphans(context, options) : fixOrphans(context, args, options);
    }
    const list = options['list'] === true;
    const look = await countRelations(context, await context.target(), args, { ...options, list });
    return list ? listResult(look) : countResult(look);
  },
};

/** @throws AishaError (usage) for a repair that is not known, or two things at once */
function refuseUnfit({ fix, restore, list }: Readonly<Record<string, unknown>>): void {
  if (fix !== undefined && !['set-null', 'delete', 'report'].includes(String(fix))) {
    throw new AishaError('usage', `--fix "${fix}" is not known`, { hint: 'Choose set-null, delete or report.' });
  }
  const given = Object.entries({ '--fix': fix, '--restore': restore, '--list': list }).filter(([, value]) => value);
  if (given.length < 2) return;
  const names = given.map(([name]) => name).join(' and ');
  throw new AishaError('usage', `${names} are two things to do`, { hint: 'Give one of them.' });
}
