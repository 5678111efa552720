import { createBackup } from '../backup/create.ts';
import { createdResult } from '../backup/report.ts';
import { checkProofKey } from '../backup/sealed-files.ts';
import type { StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, reported } from './backup.ts';

const EXTERNAL = { id: 'backup-external', title: 'The backup of the routine lies in external storage' } as const;
/** As the configuration says it: encrypted for its recipients. */
const CONFIGURED = { url: undefined, encrypt: true, identityFile: undefined } as const;

/**
 * Where the backup of a routine goes besides the store; `undefined` where no external storage is configured.
 * @throws AishaError (usage) for a configuration that nothing could be stored with
 */
export async function externalStorage(context: Context): Promise<string | undefined> {
  const { url } = context.config.backup.remote;
  if (url === undefined) return undefined;
  const { checkPush } = await import('./remote-backups.ts');
  checkPush(context, CONFIGURED);
  return url;
}

/**
 * The full backup of a routine, proved by a restore and copied to external storage (manual, 10.1); what goes wrong is the
 * error of the result, not of the routine.
 */
export async function routineBackup(context: Context, target: Target): Promise<CommandResult> {
  const { backup: settings } = context.config;
  const world = backupWorld(context, target);
  try {
    await checkProofKey(settings);
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
    const proved = backups[0] ?? backup;
    const result = createdResult(reported(proved), settings.keepDays);
    if (error !== undefined) return { ...result, error };
    const external = await pushOut(context, proved);
    return {
      ...result,
      ...external,
      data: { ...result.data, ...external.data },
      findings: [...(result.findings ?? []), ...(external.findings ?? [])],
      text: [result.text ?? [], external.text ?? []].flat().join('; '),
    };
  } catch (error) {
    if (error instanceof AishaError && error.kind !== 'interrupted') return { error };
    throw error;
  }
}

async function pushOut(context: Context, backup: StoredBackup): Promise<CommandResult> {
  if ((await externalStorage(context)) === undefined) {
    return {
      checks: [{ ...EXTERNAL, status: 'failed' }],
      findings: [
        {
          check: EXTERNAL.id,
          severity: 'warning',
          object: backup.manifest.id,
          message: 'lies on this machine alone: no external storage is configured',
          remediation: 'Set backup.remote.url and backup.remote.recipients in the configuration (docs/backup.md).',
        },
      ],
    };
  }
  const { push } = await import('./remote-backups.ts');
  try {
    return { ...(await push(context, [backup], CONFIGURED)), checks: [{ ...EXTERNAL, status: 'passed' }] };
  } catch (error) {
    // The backup is there: what is missing is its copy.
    if (!(error instanceof AishaError) || error.kind === 'interrupted') throw error;
    return { error, checks: [{ ...EXTERNAL, status: 'failed' }] };
  }
}
