import { countRelations } from '../cli/orphans.ts';
import { countResult, listResult } from '../orphans/result.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'find rows whose parent is gone, and repair them',
  description:
    'Compares each relation of the database: foreign keys, also those that are NOT VALID, relations that only the name of a column tells (tenant_id, account_id, related_id with related_type), and those of the configuration. The cheapest first, each in a short read-only transaction; one that cannot be counted is unknown, with the grant or setting that would decide it. docs/orphans.md says how relations are found and corrected.',
  examples: [
    'aisha-db orphans',
    'aisha-db orphans --list',
    "aisha-db orphans contacts 'activities.related_id' --format json",
  ],
  database: true,
  configure(command) {
    command
      .argument('[names...]', 'tables, table.column, or relations as the report names them; all when absent')
      .option('--list', 'show the relations and what counting them would cost, and count nothing')
      .option('--relation-timeout <duration>', 'how long counting one relation may take');
  },
  async run(context, args, options) {
    const list = options['list'] === true;
    const look = await countRelations(context, await context.target(), args, { ...options, list });
    return list ? listResult(look) : countResult(look);
  },
};
