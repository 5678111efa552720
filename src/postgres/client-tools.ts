import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { executable, localBinDirs } from './server-binaries.ts';
import type { ClientTools } from './tool-choice.ts';

export interface ClientToolsOptions {
  /** Look nowhere but in this folder. */
  readonly binDir?: string | undefined;
  /** Folders to search after the usual ones, as in PATH. */
  readonly searchPath?: string | undefined;
}

/**
 * Every installation of pg_dump and pg_restore on this machine, each run once for its version. Debian's programs in
 * /usr/bin choose a version by themselves, so the folders that are of one version come first.
 * @throws AishaError (tool) when the folder that was named holds none
 */
export function findClientTools({ binDir, searchPath }: ClientToolsOptions): readonly ClientTools[] {
  if (binDir !== undefined) return [toolsOf(binDir) ?? missingIn(binDir)];
  const folders = localBinDirs(searchPath, 'pg_dump').filter((folder) => existsSync(folder));
  const unique = new Map(folders.map((folder) => [realpathSync(folder), folder]));
  return [...unique.values()].flatMap((folder) => toolsOf(folder) ?? []);
}

function missingIn(binDir: string): never {
  throw new AishaError('tool', `${binDir} holds no pg_dump and pg_restore of one version that can run here`, {
    hint: 'Correct "backup": { "binDir": ... } in the configuration, or leave it out to have the programs looked for.',
  });
}

/** `undefined` when one of the two is missing, cannot run or is of another version. */
function toolsOf(binDir: string): ClientTools | undefined {
  const [version, restoreVersion] = ['pg_dump', 'pg_restore'].map((program) => versionOf(join(binDir, program)));
  if (version === undefined || version !== restoreVersion) return undefined;
  return { binDir, version, major: Number.parseInt(version, 10) };
}

function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(executable(program), ['--version'], { encoding: 'utf8' });
  return /\(PostgreSQL\) (\d\S*)/.exec(stdout ?? '')?.[1];
}
