import { readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Context } from '../commands/command.ts';
import type { Outcome, Row } from '../diagnostics/facts.ts';
import { findSecrets } from '../diagnostics/secrets.ts';
import { messageOf } from '../errors.ts';
import { type FolderListing, listFolder } from '../migrations/files.ts';

/** Above this a file is data of its own, and too much to hold at once (bytes). */
const MOST_BYTES = 64 * 1024 * 1024;

/** Looks for secrets in every `.sql` file of the project: migrations, rollbacks and fixes. */
export function secretsInFiles({ config, cwd }: Context): Outcome {
  const folders = [...new Set([config.dir, config.rollbacksDir, config.fixesDir])];
  const listings = folders.flatMap((folder) => listingOf(folder) ?? []);
  if (listings.length === 0) return { kind: 'not-applicable', reason: `there is no folder ${config.dir}` };
  // A folder inside another one is listed with it.
  const paths = new Map(listings.flatMap(({ dir, paths, odd }) => pathsOf(dir, paths, odd)));
  const rows = [...paths].flatMap(([name, path]) => look(relative(cwd, name), path));
  return { kind: 'facts', columns: ['object', 'line', 'kind'], rows };
}

function listingOf(folder: string): FolderListing | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? listFolder(folder) : undefined;
}

function pathsOf(
  dir: string,
  paths: FolderListing['paths'],
  odd: FolderListing['odd'],
): (readonly [string, Buffer | string])[] {
  return [...paths].flatMap(([file, path]) => (odd.has(file) ? [] : [[join(dir, file), path] as const]));
}

function look(file: string, path: Buffer | string): Row[] {
  try {
    if (statSync(path).size > MOST_BYTES) return [{ object: file, undecided: `${file} is too large to look through` }];
    return findSecrets(readFileSync(path, 'utf8')).map(({ line, kind }) => ({ object: `${file}:${line}`, line, kind }));
  } catch (error) {
    return [{ object: file, undecided: `cannot read ${file}: ${messageOf(error)}` }];
  }
}
