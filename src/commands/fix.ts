import { backupFirst, configureBackup, forecastBackup, withForecast } from '../cli/backup-before-files.ts';
import { migrationSource, runHooks, runSettings } from '../cli/migration.ts';
import { runFix } from '../migrations/fix.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'run a FIX file: row counts are shown before anything is committed',
  description:
    'Runs FIX_NAME.sql of the folder of fixes (sql/fixes) in one transaction, shows what each statement did, asks, and commits with a row in the ledger. Without an answer everything is undone. A backup is taken before the file runs, as by migrate (--no-backup: none; a dry run takes none).',
  examples: [
    'aisha-db fix deactivate_test_admins --dry-run',
    'aisha-db fix deactivate_test_admins',
    'aisha-db fix deactivate_test_admins --yes',
  ],
  database: true,
  failures: ['plan', 'lock', 'rolledBack', 'backup'],
  configure(command) {
    command
      .argument('<name>', 'name of the fix, with or without FIX_ and .sql')
      .option('--fixes-dir <folder>', 'folder of FIX files')
      .option('--dry-run', 'run it, show the row counts, and undo it')
      .option('--lock-timeout <duration>', 'how long a statement may wait for a lock')
      .option(
        '--lock-wait <duration>',
        'how long to wait for another run, and for a dump that reads what the fix locks',
      );
    configureBackup(command);
  },
  async run(context, args, options) {
    const target = await context.target();
    const result = await runFix(
      migrationSource(context),
      target,
      {
        name: args[0]!,
        fixesDir: context.config.fixesDir,
        dryRun: options['dryRun'] === true,
        lockWaitMs: context.config.lockWaitMs,
        run: runSettings(context),
        settings: context.config.settings,
        saveFirst: backupFirst(context, target, options),
        confirm: async (file, tags) => {
          for (const tag of tags) context.talk.warn(`${file}: ${tag}`);
          await context.confirm(target);
        },
      },
      runHooks(context, target),
    );
    const report = {
      text: result.committed
        ? `${result.file} is committed${result.backupId === undefined ? '' : `; what was there before is in the backup ${result.backupId}`}`
        : `${result.file} was undone: nothing was written`,
      tables: [{ columns: ['statement', 'did'], rows: result.tags.map((tag, i) => [String(i + 1), tag]) }],
      data: {
        fix: { file: result.file, committed: result.committed, statements: result.tags },
        backup: result.backupId ?? null,
      },
    };
    return options['dryRun'] === true ? withForecast(report, await forecastBackup(context, target, options)) : report;
  },
};
