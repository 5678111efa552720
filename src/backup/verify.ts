import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../report/progress.ts';
import type { Difference } from './compare.ts';
import { sizeOf } from './manifest.ts';
import { byteCounter } from './progress.ts';
import {
  contentOf,
  hashFile,
  manifestHash,
  recordVerification,
  type StoredBackup,
  type Verification,
} from './store.ts';

/** Reads every byte of a backup again and names each file that is not as it was written. */
export async function verifyFiles(
  { path, manifest }: StoredBackup,
  signal: AbortSignal,
  progress: (progress: Progress) => void = () => {},
): Promise<Difference[]> {
  const known = new Set(manifest.files.map((file) => file.path));
  const differences: Difference[] = contentOf(path)
    .filter((file) => !known.has(file))
    .map((file) => ({ object: file, message: 'does not belong to the backup' }));
  const onBytes = byteCounter('reading', sizeOf(manifest), progress);
  for (const file of manifest.files) {
    signal.throwIfAborted();
    const message = existsSync(join(path, file.path)) ? await changeOf(path, file, onBytes) : 'is missing';
    if (message !== undefined) differences.push({ object: file.path, message });
  }
  return differences;
}

/** Records that the files are not what they were: the backup is suspect whatever was found before. */
export function recordDamage(backup: StoredBackup, differences: readonly Difference[]): Verification {
  const verification: Verification = {
    manifestSha256: manifestHash(backup),
    verified: false,
    at: new Date().toISOString(),
    serverVersion: null,
    restoreMs: null,
    tables: 0,
    differences,
    notRestored: [],
  };
  recordVerification(backup, verification);
  return verification;
}

async function changeOf(
  folder: string,
  { path, bytes, sha256 }: StoredBackup['manifest']['files'][number],
  onBytes: (bytes: number) => void,
): Promise<string | undefined> {
  const found = await hashFile(folder, path, onBytes);
  if (found.bytes !== bytes) return `has ${found.bytes} bytes and had ${bytes}`;
  return found.sha256 === sha256 ? undefined : 'has other content than it had';
}
