import { createBackup } from '../backup/create.ts';
import { createdResult } from '../backup/report.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, reported } from './backup.ts';

/** The full backup of a routine, proved by a restore; what goes wrong is the error of the result, not of the routine. */
export async function routineBackup(context: Context, target: Target): Promise<CommandResult> {
  const { backup: settings } = context.config;
  const world = backupWorld(context, target);
  try {
    const backup = await createBackup(
      {
        class: 'quarterly',
        kind: 'full',
        tables: [],
        excludeSchemas: settings.excludeSchemas,
        jobs: settings.jobs,
        format: undefined,
      },
      target,
      world,
    );
    const { verifyBackups } = await import('../backup/verify-all.ts');
    const { backups, error } = await verifyBackups([backup], true, world);
    const result = createdResult(reported(backups[0] ?? backup), settings.keepDays);
    return error === undefined ? result : { ...result, error };
  } catch (error) {
    if (error instanceof AishaError && error.kind !== 'interrupted') return { error };
    throw error;
  }
}
