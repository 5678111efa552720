import { constants } from 'node:fs';
import { access, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';

/**
 * Checks before the run that its report can be written: a migration whose report is lost cannot be repeated.
 * @throws AishaError (usage)
 */
export async function checkReportFile(file: string, cwd: string): Promise<void> {
  try {
    const existing = await stat(resolve(cwd, file)).catch(ifMissing);
    if (existing?.isDirectory()) throw new Error('it is a folder');
    await access(
      existing === undefined || existing.isFile() ? dirname(resolve(cwd, file)) : resolve(cwd, file),
      constants.W_OK,
    );
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Writes the report whole or not at all: a reader never finds half of one.
 * @throws AishaError (usage)
 */
export async function writeReportFile(file: string, cwd: string, text: string): Promise<void> {
  const path = resolve(cwd, file);
  try {
    const existing = await stat(path).catch(ifMissing);
    // A pipe or a device such as /dev/null is written to, not replaced by a file.
    if (existing === undefined || existing.isFile()) await replace(existing ? await realpath(path) : path, text);
    else await writeFile(path, text);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function cannotWrite(file: string, error: unknown): AishaError {
  return new AishaError('usage', `the report cannot be written to ${file}: ${messageOf(error)}`, {
    cause: error,
    hint: 'Name a file in a folder that exists and can be written to.',
  });
}
