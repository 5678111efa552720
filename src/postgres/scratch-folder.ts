import { chownSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { runAtExit } from './exit-cleanup.ts';
import { readPostmasterFile, STOP_AT_ONCE, stopPostmasterSync, stoppable } from './postmaster.ts';
import { isIdentityRunning, processIdentity } from './process-identity.ts';
import { canReach, type ServerUser } from './server-user.ts';

const PREFIX = 'aisha-pg-';

/** Names the process that uses the folder, so that a later run can tell it from one that was left behind. */
const OWNER_FILE = 'owner';

/**
 * Makes a private folder (mode 0700) for the server's user, with a path short enough for a Unix socket in it: below the
 * system's temporary folder when the user can reach that, else in /tmp.
 */
export function makeScratchFolder(user: ServerUser | undefined): string {
  const folder = mkdtempSync(join(baseFolder(user), PREFIX));
  writeFileSync(join(folder, OWNER_FILE), processIdentity(process.pid) ?? '');
  giveTo(user, folder);
  return folder;
}

/** Lends a private folder for our own files (mode 0700), gone on every way out; a killed process's goes with the next. */
export async function withScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  sweepScratchFolders(undefined);
  const folder = makeScratchFolder(undefined);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = runAtExit(remove);
  try {
    return await use(folder);
  } finally {
    forget();
    remove();
  }
}

/** Hands a file or folder over to the server's user. */
export function giveTo(user: ServerUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

/**
 * Removes the folders of processes that were killed, and stops the servers that still run in them. Only folders of our
 * own users are touched: anybody may write to /tmp.
 */
export function sweepScratchFolders(user: ServerUser | undefined): void {
  const base = baseFolder(user);
  for (const name of readdirSync(base).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(base, name);
    if (isOurs(folder, user) && isAbandoned(folder)) removeAbandoned(folder);
  }
}

/** 107 bytes are what Linux takes for the path of a socket (sun_path, unix(7)), 103 what macOS takes. */
export function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(join(folder, '.s.PGSQL.65535')) <= 103;
}

function baseFolder(user: ServerUser | undefined): string {
  const folders = [tmpdir(), '/tmp', '/var/tmp'];
  const found = folders.find((folder) => fitsSocket(join(folder, `${PREFIX}XXXXXX`)) && isReachable(user, folder));
  if (found === undefined) {
    throw new AishaError('tool', `no temporary folder is open to the user ${user?.name ?? 'that runs the server'}`, {
      hint: `Set TMPDIR to a short path that this user can enter; tried were ${folders.join(', ')}.`,
    });
  }
  return found;
}

function isReachable(user: ServerUser | undefined, folder: string): boolean {
  try {
    return lstatSync(folder, { throwIfNoEntry: true }) !== undefined && canReach(user, folder);
  } catch {
    return false;
  }
}

function isOurs(folder: string, user: ServerUser | undefined): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === (user?.uid ?? process.getuid?.());
}

function isAbandoned(folder: string): boolean {
  try {
    return !isIdentityRunning(readFileSync(join(folder, OWNER_FILE), 'utf8'));
  } catch {
    // Its maker has not come to write the file yet, or someone else is just removing the folder.
    return false;
  }
}

function removeAbandoned(folder: string): void {
  const dataDir = join(folder, 'data');
  const postmaster = readPostmasterFile(dataDir);
  if (postmaster !== undefined) stopPostmasterSync(stoppable(postmaster.pid, dataDir), STOP_AT_ONCE);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
