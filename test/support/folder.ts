import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Content by path relative to the folder; a path that ends in `/` is an empty folder. */
export type Files = Readonly<Record<string, string | Buffer>>;

/** Makes a temporary folder with these files and returns its path; it goes when the test ends. */
export async function makeFolder(files: Files = {}): Promise<string> {
  // macOS's temporary folder is reached through a symlink; the program reports real paths.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'aisha-test-')));
  // A private server started by root runs as another user and lives in here.
  await chmod(folder, 0o755);
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  await writeFiles(folder, files);
  return folder;
}

/** Writes files into a folder that is there, making sub-folders as needed. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(path.endsWith('/') ? target : dirname(target), { recursive: true });
    if (!path.endsWith('/')) await writeFile(target, content);
  }
}

/** Makes the symbolic link `path` in the folder point to `to`. */
export async function linkIn(folder: string, path: string, to: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await symlink(to, join(folder, path));
}
