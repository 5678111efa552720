import type { Command as Commander } from 'commander';
import type { BackupWorld } from '../backup/create.ts';
import type { RelationFact } from '../backup/facts.ts';
import type { BackupPreview } from '../backup/plan.ts';
import type { Context } from '../commands/command.ts';
import { formatDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import { backupWorld } from './backup.ts';

type Options = Readonly<Record<string, unknown>>;

/** The options of a command that takes a backup first. */
export function configureBackup(command: Commander): void {
  command
    .option('--backup', 'take a backup before the first file, whatever the configuration says')
    .option('--no-backup', 'take none')
    .option('--store <folder>', 'folder of the backups');
}

/** Takes the backup; `undefined` when none is wanted: by an option, by the configuration, or on a private server. */
export function backupFirst(context: Context, target: Target, options: Options): (() => Promise<string>) | undefined {
  if (!isWanted(context, target, options)) return undefined;
  return async () => {
    const { backUpBeforeFiles } = await import('../backup/before-files.ts');
    return backUpBeforeFiles(target, quietly(context, target));
  };
}

/** What a dry run tells of the backup. */
type BackupForecast = Required<Pick<CommandResult, 'tables' | 'data' | 'findings'>>;

/** What the run would save first, and what would stop it; `undefined` when none is wanted, or nothing is there. */
export async function forecastBackup(
  context: Context,
  target: Target,
  options: Options,
): Promise<BackupForecast | undefined> {
  if (!isWanted(context, target, options)) return undefined;
  const { previewBeforeFiles } = await import('../backup/before-files.ts');
  try {
    const preview = await previewBeforeFiles(target, quietly(context, target));
    const { ledger, backup } = context.config;
    const isLedger = ({ schema, name }: RelationFact) => schema === ledger.schema && name === ledger.table;
    // As of the run: there is nothing to save then.
    if (preview.plan.tables.every(isLedger)) return undefined;
    return describe(preview, backup.proveAtOnce.includes('pre-migration'));
  } catch (error) {
    // The plan of the files is told all the same.
    if (!(error instanceof AishaError) || error.kind === 'interrupted') throw error;
    return { tables: [], data: { backup: null }, findings: [standsAgainst(error)] };
  }
}

/** The report of a dry run together with what it tells of the backup. */
export function withForecast(report: CommandResult, forecast: BackupForecast | undefined): CommandResult {
  if (forecast === undefined) return report;
  return {
    ...report,
    data: { ...report.data, ...forecast.data },
    tables: [...(report.tables ?? []), ...forecast.tables],
    findings: [...(report.findings ?? []), ...forecast.findings],
  };
}

function describe({ plan, refusal, freeBytes }: BackupPreview, isProved: boolean): BackupForecast {
  const { tables, estimatedBytes, estimatedMs } = plan;
  const rows = [
    ['class', 'pre-migration'],
    ['tables', quantity(tables.length)],
    ['size', `about ${quantity(estimatedBytes, 'bytes')} of ${quantity(freeBytes, 'bytes')} that are free`],
    ['time', `about ${formatDuration(estimatedMs)}${isProved ? ', and a restore that proves it' : ''}`],
  ];
  return {
    tables: [{ title: 'Backup before the first file (--no-backup: none)', columns: ['', ''], rows }],
    data: { backup: { class: 'pre-migration', tables: tables.length, estimatedBytes, estimatedMs, isProved } },
    findings: refusal === undefined ? [] : [standsAgainst(refusal)],
  };
}

function standsAgainst({ message, details, hint }: AishaError): Finding {
  return {
    check: 'backup-before-migrate',
    severity: 'critical',
    object: 'the backup before the first file',
    message: `would stop the run: ${[message, ...details].join('; ')}`,
    remediation: `${hint ?? ''} --no-backup runs without a backup.`.trim(),
  };
}

function isWanted({ config }: Context, target: Target, options: Options): boolean {
  const asked = options['backup'] as boolean | undefined;
  return asked ?? (target.source !== 'embedded' && config.backup.beforeMigrate);
}

/** The server has been announced already. */
function quietly(context: Context, target: Target): BackupWorld {
  return { ...backupWorld(context, target), connected: () => {} };
}
