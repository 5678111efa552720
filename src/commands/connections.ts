import { categoryCommand } from '../cli/diagnosis.ts';
import { parseDuration } from '../duration.ts';
import type { Command } from './command.ts';

const category = categoryCommand(
  'connections',
  'show who is connected, what waits and what blocks; end idle sessions',
  'Connections by state, role and application, how near their number is to the limit, sessions that are idle in a transaction, long ones, and who blocks whom. --kill-idle shows the sessions of this database that have done nothing for that long, asks, and ends them: idle ones and, above all, those inside a transaction. Superusers, replication, poolers, the roles of the platform, holders of advisory locks and this program are spared.',
);

export const command: Command = {
  ...category,
  examples: [
    'aisha-db connections',
    'aisha-db connections --kill-idle 10min --dry-run',
    'aisha-db connections --kill-idle 10min --spare nightly_export',
  ],
  configure(command) {
    category.configure(command);
    command
      .option('--kill-idle <duration>', 'end sessions that have done nothing for this long, such as 10min')
      .option('--spare <name...>', 'roles or applications that are left alone')
      .option('--dry-run', 'only show what --kill-idle would end');
  },
  async run(context, args, options) {
    const duration = options['killIdle'];
    if (typeof duration !== 'string') return category.run(context, args, options);
    const { killIdle } = await import('../cli/kill-idle.ts');
    return killIdle(context, {
      olderThanSeconds: parseDuration(duration.replace(/(?<=\d)m$/, 'min'), '--kill-idle') / 1_000,
      spare: (options['spare'] as string[] | undefined) ?? [],
      dryRun: options['dryRun'] === true,
    });
  },
};
