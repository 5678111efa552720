import { backupFirst, configureBackup, forecastBackup, withForecast } from '../cli/backup-before-files.ts';
import { openGate, withGate } from '../cli/gate.ts';
import { migrationSource, runHooks, runSettings } from '../cli/migration.ts';
import { rollback } from '../migrations/rollback.ts';
import type { Command } from './command.ts';

const INSIST = '--allow-worse-isolation';

export const command: Command = {
  summary: 'undo applied migrations with their ROLLBACK files',
  description:
    'Runs ROLLBACK_NUMBER_*.sql of each named migration, the latest first, in one transaction with the ledger. Refuses when a migration that stays depends on one that goes; a number that two files carry must be named by file. A backup is taken first, as by migrate (--no-backup: none), and the gate (docs/gate.md) looks at what each file did to the isolation of tenants.',
  examples: [
    'aisha-db rollback 052 --dry-run',
    'aisha-db rollback 052 051',
    'aisha-db rollback 012_extend_activities_fields.sql --yes',
  ],
  database: true,
  failures: ['plan', 'lock', 'rolledBack', 'partial', 'rlsGate', 'backup'],
  failOn: 'critical',
  configure(command) {
    command
      .argument('<migration...>', 'numbers or file names')
      .option('--dir <folder>', 'folder of SQL files')
      .option('--rollbacks-dir <folder>', 'folder of ROLLBACK files')
      .option('--ignore-dependents', 'roll back although other applied migrations depend on it')
      .option(INSIST, 'roll back although it makes the isolation of tenants worse; the gate only reports')
      .option('--dry-run', 'show what would run; write nothing')
      .option('--lock-timeout <duration>', 'how long a statement may wait for a lock')
      .option('--lock-wait <duration>', 'how long to wait for another run, and for a dump that reads what files lock');
    configureBackup(command);
  },
  async run(context, args, options) {
    const target = await context.target();
    const dryRun = options['dryRun'] === true;
    const result = await rollback(
      migrationSource(context),
      target,
      {
        targets: args,
        ignoreDependents: options['ignoreDependents'] === true,
        dryRun,
        lockWaitMs: context.config.lockWaitMs,
        run: runSettings(context),
        settings: context.config.settings,
        openGate: () =>
          openGate(context, { insist: INSIST, ...(options['allowWorseIsolation'] === true ? { mode: 'warn' } : {}) }),
        saveFirst: backupFirst(context, target, options),
        confirm: async (steps) => {
          for (const step of steps) context.talk.warn(`will undo ${step.file} with ${step.undoneBy.join(', ')}`);
          await context.confirm(target);
        },
      },
      runHooks(context, target),
    );
    const rows = result.steps.map((step) => [
      result.undone.includes(step.file) ? 'rolled back' : dryRun ? 'would run' : 'not run',
      step.file,
      step.undoneBy.join(', '),
    ]);
    const saved = result.backupId === undefined ? '' : `; what was there before is in the backup ${result.backupId}`;
    const report = {
      text: dryRun ? 'nothing was written' : `rolled back ${result.undone.length} of ${result.steps.length}${saved}`,
      tables: [{ columns: ['', 'migration', 'undone by'], rows }],
      data: {
        backup: result.backupId ?? null,
        rollbacks: result.steps.map((s) => ({
          file: s.file,
          undoneBy: s.undoneBy,
          undone: result.undone.includes(s.file),
        })),
      },
      ...(result.error ? { error: result.error } : {}),
    };
    return dryRun
      ? withForecast(report, await forecastBackup(context, target, options))
      : withGate(report, result.gate);
  },
};
