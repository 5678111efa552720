import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { runTool } from '../postgres/run-tool.ts';
import { syncToDisk } from '../whole-file.ts';
import { type BackupWorld, dumpPath, toolsFor } from './create.ts';
import { withContent } from './sealed-files.ts';
import { contentFolder, type StoredBackup } from './store.ts';
import { recordDamage, verifyFiles } from './verify.ts';

/** A file of SQL that was made from a backup. */
export interface PlainExport {
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
}

/**
 * Writes a backup as a file of plain SQL for psql. The file is there whole, on disk, or not at all, readable by nobody
 * else, and never in place of another: pg_restore by itself would empty that before it has read anything.
 * @param file absolute path
 * @throws AishaError (usage) when the file is there or cannot be written; (backup) when the backup is damaged or
 *   pg_restore fails; (tool) without a pg_restore that reads it
 */
export async function exportPlain(
  backup: StoredBackup,
  file: string,
  isSchemaOnly: boolean,
  world: Pick<BackupWorld, 'settings' | 'env' | 'signal' | 'info' | 'progress' | 'store'>,
): Promise<PlainExport> {
  if (existsSync(file)) {
    throw new AishaError('usage', `${file} is there already`, { hint: 'Name another file, or remove it first.' });
  }
  const { id, pgDumpVersion } = backup.manifest;
  world.info(`reading ${id} to prove its files`);
  const damage = await verifyFiles(backup, world.signal, world.progress);
  if (damage.length > 0) {
    recordDamage(backup, damage);
    throw new AishaError('backup', `${id} is not what was written: it is not exported`, {
      details: damage.map(({ object, message }) => `${object} ${message}`),
      hint: 'Export another backup: aisha-db backup list shows them.',
    });
  }
  return withContent(backup, world, async (opened) => {
    const { binDir } = toolsFor(Number.parseInt(pgDumpVersion, 10), world);
    const draft = `${file}.draft`;
    try {
      makeDraft(draft);
      world.info(`writing ${file}`);
      await convert(opened, join(binDir, 'pg_restore'), draft, isSchemaOnly, world);
      syncToDisk(draft);
      renameSync(draft, file);
      syncToDisk(dirname(file));
    } finally {
      rmSync(draft, { force: true });
    }
    return { file, bytes: statSync(file).size };
  });
}

/** pg_restore keeps the mode of a file that is there. */
function makeDraft(draft: string): void {
  try {
    rmSync(draft, { force: true });
    closeSync(openSync(draft, 'wx', 0o600));
  } catch (error) {
    throw new AishaError('usage', `${draft} cannot be written: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name a file in a folder that is there and may be written to.',
    });
  }
}

async function convert(
  backup: StoredBackup,
  program: string,
  draft: string,
  isSchemaOnly: boolean,
  { env, signal }: Pick<BackupWorld, 'env' | 'signal'>,
): Promise<void> {
  const dump = join(contentFolder(backup), dumpPath(backup.manifest));
  const { exitCode, endedBy, complaints } = await runTool({
    program,
    args: [`--file=${draft}`, ...(isSchemaOnly ? ['--schema-only'] : []), dump],
    env: { PATH: env['PATH'] ?? '' },
    signal,
  });
  signal.throwIfAborted();
  if (exitCode === 0) return;
  const how = exitCode === undefined ? `was ended by ${endedBy ?? 'a signal'}` : `failed with exit code ${exitCode}`;
  throw new AishaError('backup', `pg_restore ${how}`, {
    details: complaints,
    hint: 'No file was written: mend what it says and run again.',
  });
}
