import { backupFirst, configureBackup, forecastBackup, withForecast } from '../cli/backup-before-files.ts';
import { checkStrictGate, openGate, withGate } from '../cli/gate.ts';
import { migrationFolder, migrationSource, planOptions, runHooks, runSettings } from '../cli/migration.ts';
import { AishaError } from '../errors.ts';
import { type MigrateResult, migrate } from '../migrations/migrate.ts';
import { parseName, type Version } from '../migrations/name.ts';
import type { PlanEntry, PlanWarning } from '../migrations/plan.ts';
import { countStates, migrationsResult, warningFindings } from '../migrations/report.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'apply pending SQL files in order, each in a transaction with its ledger row',
  description: [
    'Reads a folder of numbered SQL files, compares it with the ledger, checks everything that can be checked before anything is written (checksums, order, duplicate numbers, dependencies, grammar), takes the lock, and applies what is pending.',
    'Before the first file a backup of the class pre-migration is taken and proved by a restore; when it fails, nothing is applied. There is none of an empty database, of --embedded, with --no-backup, or with backup.beforeMigrate: false in the configuration.',
    'A file is one transaction together with its ledger row. A file that cannot be one (CREATE INDEX CONCURRENTLY, VACUUM ...) is run statement by statement with its progress in the ledger, and resumed there after an interruption.',
    'The gate (docs/gate.md) looks at what each file did to the isolation of tenants before it is committed, and refuses what makes it worse.',
  ].join('\n\n'),
  examples: [
    'aisha-db migrate --dry-run',
    'aisha-db migrate --database-url postgres://app@db.example.com/app',
    'aisha-db migrate --to 052 --lock-timeout 1s',
    'aisha-db migrate --embedded --dir sql',
  ],
  database: true,
  failures: ['plan', 'changed', 'lock', 'rolledBack', 'partial', 'rlsGate', 'backup'],
  failOn: 'critical',
  configure(command) {
    command
      .option('--dir <folder>', 'folder of SQL files')
      .option('--dry-run', 'show the order, the mode of each file and why anything is held back; write nothing')
      .option('--to <number>', 'apply up to and including this number; the final phase is left for later')
      .option('--only <file>', 'apply this file alone')
      .option('--allow-out-of-order', 'apply files that come before one already applied')
      .option('--strict-gate', 'refuse a file at once that makes a table without row-level security')
      .option('--require-rehearsal', 'refuse what was not rehearsed on this plan, catalog and server')
      .option('--no-require-rehearsal', 'apply without a rehearsal, whatever the configuration says')
      .option('--lock-timeout <duration>', 'how long a statement may wait for a lock')
      .option('--lock-retries <number>', 'how often a file is tried again when it did not get its locks')
      .option('--statement-timeout <duration>', 'how long a statement may run')
      .option('--lock-wait <duration>', 'how long to wait for another run, and for a dump that reads what files lock');
    configureBackup(command);
  },
  async run(context, _args, options) {
    const isStrict = options['strictGate'] === true;
    checkStrictGate(context, isStrict);
    const target = await context.target();
    if (options['dryRun'] !== true && target.environment?.protected) await context.confirm(target);
    const result = await migrate(
      migrationSource(context),
      target,
      {
        ...planOptions(context),
        allowOutOfOrder: options['allowOutOfOrder'] === true,
        to: readTo(options['to']),
        only: options['only'] as string | undefined,
        dryRun: options['dryRun'] === true,
        lockWaitMs: context.config.lockWaitMs,
        run: runSettings(context),
        settings: context.config.settings,
        openGate: () => openGate(context, { isStrict }),
        saveFirst: backupFirst(context, target, options),
        ...((options['requireRehearsal'] ?? context.config.rehearsal.require) === true
          ? {
              permit: async (files) =>
                (await import('../cli/rehearsal-required.ts')).requireRehearsal(context, target, files, isStrict),
            }
          : {}),
      },
      runHooks(context, target),
    );
    refuseUnknownFile(result, options['only'] as string | undefined);
    const folder = migrationFolder(context);
    if (options['dryRun'] !== true) return withGate(runReport(result, folder), result.gate);
    const report = dryRunReport(result, folder);
    const willRun = !result.error && result.entries.some((entry) => entry.run);
    return willRun ? withForecast(report, await forecastBackup(context, target, options)) : report;
  },
};

function readTo(value: unknown): Version | undefined {
  if (value === undefined) return undefined;
  const { version } = parseName(`${String(value)}_x.sql`);
  if (version) return version;
  throw new AishaError('usage', `--to "${String(value)}" is no number`, {
    hint: 'Give the number of a file as it is written: 052, 155a, 20260424.',
  });
}

function refuseUnknownFile(result: MigrateResult, only: string | undefined): void {
  if (only === undefined) return;
  const entry = result.entries.find(({ file }) => file === only);
  if (entry?.phase === 'rollback') {
    throw new AishaError('usage', `--only ${only}: it undoes a migration`, {
      hint: 'Name the migration that is to go: aisha-db rollback NUMBER.',
    });
  }
  if (entry !== undefined) return;
  throw new AishaError('usage', `--only ${only}: no such file in the folder`, {
    hint: 'Give the file name as aisha-db status lists it.',
  });
}

function runReport(result: MigrateResult, folder: string): CommandResult {
  const { entries, applied, error, preflight } = result;
  const shown = entries.filter(
    (entry) =>
      entry.run ||
      entry.state === 'failed' ||
      (entry.state === 'not-run' && entry.phase === 'forward') ||
      isUnusual(entry.state),
  );
  const isRefused = error !== undefined && preflight.plan.problems.length > 0;
  const text = isRefused
    ? `nothing was applied: ${countStates(entries)}`
    : applied === 0 && !error
      ? `nothing to apply: ${countStates(entries)}`
      : `applied ${applied} of ${applied + notApplied(result)}: ${countStates(entries)}`;
  const report = migrationsResult(entries, shown, text + saved(result));
  return {
    ...report,
    data: { ...report.data, backup: result.backupId ?? null },
    findings: warningFindings(ofThisRun(preflight.plan.warnings, entries), folder),
    ...(error ? { error } : {}),
  };
}

function saved({ backupId }: MigrateResult): string {
  return backupId === undefined ? '' : `; what was there before is in the backup ${backupId}`;
}

/** Warnings about files that are applied already belong to status. */
function ofThisRun(warnings: readonly PlanWarning[], entries: readonly PlanEntry[]): PlanWarning[] {
  const settled = new Set(
    entries.filter((e) => !e.run && (e.state === 'applied' || e.state === 'baseline')).map((e) => e.file),
  );
  return warnings.filter((warning) => !settled.has(warning.file));
}

function notApplied({ entries, error }: MigrateResult): number {
  return error
    ? entries.filter(
        (e) =>
          ['failed', 'interrupted', 'not-run', 'pending', 'out-of-order'].includes(e.state) &&
          (e.phase === 'forward' || e.phase === 'final'),
      ).length
    : 0;
}

function isUnusual(state: string): boolean {
  return (
    state === 'changed' ||
    state === 'missing' ||
    state === 'out-of-order' ||
    state === 'interrupted' ||
    state === 'pending'
  );
}

function dryRunReport({ preflight, entries, error }: MigrateResult, folder: string) {
  const planned = entries.filter(
    (entry) => entry.run || isUnusual(entry.state) || (entry.state === 'not-run' && entry.phase === 'forward'),
  );
  const modeOf = (file: string) => preflight.modes.get(file) ?? '';
  const runs = entries.filter((entry) => entry.run).length;
  return {
    text: error
      ? `the plan is refused: ${countStates(entries)}; nothing was written`
      : runs === 0
        ? `nothing to apply: ${countStates(entries)}`
        : `would apply ${runs === 1 ? '1 file' : `${runs} files`}, in this order; nothing was written`,
    data: {
      ...migrationsResult(entries, [], '').data,
      plan: entries.filter((e) => e.run).map((e) => ({ file: e.file, mode: modeOf(e.file) })),
    },
    tables:
      planned.length === 0
        ? []
        : [
            {
              columns: ['', 'file', 'mode', 'note'],
              rows: planned.map((e) => [e.run ? 'run' : 'hold', e.file, modeOf(e.file), e.reason ?? '']),
            },
          ],
    findings: warningFindings(ofThisRun(preflight.plan.warnings, entries), folder),
    ...(error ? { error } : {}),
  };
}
