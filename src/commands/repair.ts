import { migrationSource, runHooks, runSettings } from '../cli/migration.ts';
import { AishaError } from '../errors.ts';
import { repair } from '../migrations/repair.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'accept changes of applied files into the ledger',
  description:
    'Compares applied files with what was applied. A cosmetic change (comments, white space) is signed again; a semantic one, and a file that is gone, only when it is named. A renamed file is recognised by its content. Nothing is run.',
  examples: [
    'aisha-db repair --dry-run',
    'aisha-db repair',
    'aisha-db repair 020_enforce_email_uniqueness.sql',
    'aisha-db repair 060_batches.sql --statement done',
  ],
  database: true,
  failures: ['plan', 'lock'],
  configure(command) {
    command
      .argument('[file...]', 'files whose semantic change is right')
      .option('--dir <folder>', 'folder of SQL files')
      .option('--statement <verdict>', 'for an interrupted statement that commits in its body: done or again')
      .option('--dry-run', 'show what differs; write nothing')
      .option('--lock-wait <duration>', 'how long to wait for another run');
  },
  async run(context, args, options) {
    const statement = readVerdict(options['statement'], args);
    const target = await context.target();
    const dryRun = options['dryRun'] === true;
    if (!dryRun && target.environment?.protected) await context.confirm(target);
    const settings = {
      files: args,
      statement,
      dryRun,
      lockWaitMs: context.config.lockWaitMs,
      run: runSettings(context),
    };
    const repairs = await repair(migrationSource(context), target, settings, runHooks(context, target));
    const done = repairs.filter((r) => r.accepted);
    const open = repairs.filter((r) => !r.accepted);
    return {
      text:
        repairs.length === 0
          ? 'nothing to repair'
          : `${done.length} ${dryRun ? 'would be ' : ''}repaired, ${open.length} left as they are`,
      tables:
        repairs.length === 0
          ? []
          : [
              {
                columns: ['', 'file', 'change', 'what'],
                rows: repairs.map((r) => [
                  r.accepted ? (dryRun ? 'would repair' : 'repaired') : 'left',
                  r.file,
                  r.difference,
                  r.what,
                ]),
              },
            ],
      data: { repairs },
      findings: open.map((r) => ({
        check: 'history-changed',
        severity: 'warning' as const,
        object: r.file,
        message: r.what,
        remediation: `aisha-db repair ${r.file}${r.difference === 'undecided statement' ? ' --statement done' : ''}`,
      })),
    };
  },
};

function readVerdict(value: unknown, files: readonly string[]): 'done' | 'again' | undefined {
  if (value === undefined) return undefined;
  if ((value === 'done' || value === 'again') && files.length > 0) return value;
  throw new AishaError('usage', `--statement "${String(value)}" cannot be used like this`, {
    hint: 'Name the file, and say what became of its interrupted statement: --statement done, or --statement again.',
  });
}
