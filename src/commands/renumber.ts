import { migrationSource, runHooks } from '../cli/migration.ts';
import { AishaError } from '../errors.ts';
import { readLedger } from '../migrations/ledger.ts';
import { openSession } from '../migrations/open.ts';
import { renumber } from '../migrations/scaffold.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: 'give a pending file the next free number, its header and dependants included',
  description:
    'Renames the file and its ROLLBACK file and corrects every header that mentions them. The ledger is asked first: an applied file keeps its name. Without a database, say --offline.',
  examples: [
    'aisha-db renumber 012_add_tasks.sql --dry-run',
    'aisha-db renumber 012_add_tasks.sql',
    'aisha-db renumber 012_add_tasks.sql --number 060 --offline',
  ],
  database: true,
  failures: ['plan'],
  configure(command) {
    command
      .argument('<file>', 'file name as status lists it')
      .option('--dir <folder>', 'folder of SQL files')
      .option('--rollbacks-dir <folder>', 'folder of ROLLBACK files')
      .option('--number <number>', 'number to give it; the next free one when absent')
      .option('--offline', 'do not ask the ledger whether the file is applied')
      .option('--dry-run', 'show what would change; write nothing');
  },
  async run(context, args, options) {
    const file = args[0]!;
    const source = migrationSource(context);
    const number = options['number'] as string | undefined;
    const planned = renumber(source, file, number, true);
    if (options['offline'] !== true)
      await refuseApplied(
        context,
        planned.map((change) => change.from),
      );
    const dryRun = options['dryRun'] === true;
    const changes = dryRun ? planned : renumber(source, file, number, false);
    return {
      text: dryRun ? 'nothing was written' : `${file} is now ${changes.find((c) => c.from === file)?.to ?? file}`,
      tables: [
        {
          columns: ['file', 'becomes', 'change'],
          rows: changes.map((c) => [c.from, c.to, c.renamed ? 'renamed' : 'header']),
        },
      ],
      data: { changes },
    };
  },
};

/** A header counts into the checksum: no file that was applied may be touched. */
async function refuseApplied(context: Context, files: readonly string[]): Promise<void> {
  const target = await context.target();
  const session = await openSession(target, 'aisha-db renumber', {}, runHooks(context, target));
  try {
    const { rows } = await readLedger(session, context.config.ledger);
    const applied = files.filter((file) => rows.some((row) => row.file === file && row.state !== 'rolled-back'));
    if (applied.length === 0) return;
    throw new AishaError('plan', `${applied.join(', ')}: applied already`, {
      hint: 'Only pending files can be renumbered, and only while no applied file depends on them.',
    });
  } finally {
    await session.close();
  }
}
