import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { isIdentityRunning, processIdentity } from './process-identity.ts';

/**
 * Runs `use` while no other process does so under the same file. The lock of a process that was killed is broken by the
 * next one that wants it.
 *
 * @throws AishaError (lock) when the holder keeps it for longer than `timeoutMs`.
 */
export async function withFileLock<T>(file: string, use: () => Promise<T>, timeoutMs = 120_000): Promise<T> {
  await acquire(file, timeoutMs);
  try {
    return await use();
  } finally {
    rmSync(file, { force: true });
  }
}

let drafts = 0;

async function acquire(file: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  drafts += 1;
  const draft = `${file}.${process.pid}-${drafts}`;
  writeFileSync(draft, processIdentity(process.pid) ?? '');
  try {
    while (!tryLink(draft, file)) {
      const owner = ownerOf(file);
      if (owner !== undefined && !isIdentityRunning(owner)) await breakLock(file, owner, timeoutMs);
      else if (Date.now() > deadline) throw heldTooLong(file, owner);
      else await sleep(25);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A hard link appears with its content or not at all, and never replaces what is there. */
function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Only who holds the lock on breaking may remove a dead holder's file: of two that saw the same dead holder the slower
 * one would else remove the lock that the faster has just taken. Who dies in here leaves a lock of the same kind.
 */
async function breakLock(file: string, deadOwner: string, timeoutMs: number): Promise<void> {
  const remove = async () => {
    if (ownerOf(file) === deadOwner) rmSync(file, { force: true });
  };
  await withFileLock(`${file}.break`, remove, timeoutMs);
}

function ownerOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function heldTooLong(file: string, owner: string | undefined): AishaError {
  return new AishaError('lock', `process ${owner?.split(':')[0] ?? 'unknown'} has held the lock ${file} for too long`, {
    hint: 'Wait until that process is done, or end it.',
  });
}
