import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AishaError } from '../errors.ts';
import { quantity } from '../report/quantity.ts';
import { encryptStream } from './age.ts';
import { Digest } from './digest.ts';
import type { BackupFile } from './manifest.ts';
import type { ObjectStorage } from './s3.ts';
import { hashFile, MANIFEST, type StoredBackup } from './store.ts';
import {
  describeLocation,
  markerKey,
  objectKey,
  type StoredCopy,
  type StoredObject,
  serializeCopy,
} from './stored-copy.ts';

export interface PushOptions {
  /** Public keys of age; none stores the backup as it is. */
  readonly recipients: readonly string[];
  readonly info: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies a backup to external storage. Every file is compared with the manifest on its way, encrypted, stored, read
 * back and compared again; only then the marker is written that makes it a copy. Nothing is held in memory but the
 * parts that are on their way.
 * @throws AishaError (backup) when a file is not as it was written, or the storage fails; then no copy is listed
 */
export async function pushBackup(
  { manifest, path, bytes }: StoredBackup,
  storage: ObjectStorage,
  { recipients, info, signal }: PushOptions,
): Promise<StoredCopy> {
  const { id, createdAt, class: backupClass } = manifest;
  const copy = { id, createdAt, class: backupClass, encrypted: recipients.length > 0 };
  info(`storing ${id}, ${quantity(bytes, 'bytes')}, at ${describeLocation(storage.location)}`);
  const objects: StoredObject[] = [];
  for (const file of [...manifest.files, await hashFile(path, MANIFEST)]) {
    signal.throwIfAborted();
    const key = objectKey(storage.location, copy, file.path);
    objects.push({ path: file.path, ...(await storeFile(path, file, key, storage, recipients)) });
  }
  const whole: StoredCopy = { ...copy, objects };
  await storeMarker(whole, storage);
  return whole;
}

async function storeFile(
  folder: string,
  file: BackupFile,
  key: string,
  storage: ObjectStorage,
  recipients: readonly string[],
): Promise<Pick<StoredObject, 'bytes' | 'sha256'>> {
  const plain = Readable.from(asWritten(join(folder, file.path), file));
  const content = recipients.length > 0 ? await encryptStream(plain, recipients) : plain;
  const sent = new Digest();
  await storage.put(key, Readable.from(sent.of(content)), statSync(join(folder, file.path)).size);
  const expected = sent.result();
  await readBack(key, expected, storage);
  return expected;
}

async function storeMarker(copy: StoredCopy, storage: ObjectStorage): Promise<void> {
  const text = serializeCopy(copy);
  const key = markerKey(storage.location, copy.id);
  await storage.put(key, text, text.length);
  await readBack(key, await Digest.ofAll(Readable.from([Buffer.from(text)])), storage);
}

/** The file's content; ends with an error when it is not what the manifest says. */
async function* asWritten(path: string, { path: name, bytes, sha256 }: BackupFile): AsyncGenerator<Uint8Array> {
  const digest = new Digest();
  yield* digest.of(createReadStream(path));
  const found = digest.result();
  if (found.bytes === bytes && found.sha256 === sha256) return;
  throw new AishaError('backup', `the file ${name} of the backup is not as it was written`, {
    hint: 'Nothing was stored: aisha-db backup verify tells what is left of the backup.',
  });
}

async function readBack(
  key: string,
  { bytes, sha256 }: Pick<StoredObject, 'bytes' | 'sha256'>,
  storage: ObjectStorage,
): Promise<void> {
  const found = await storage.read(key, (content) => Digest.ofAll(content));
  if (found.bytes === bytes && found.sha256 === sha256) return;
  throw new AishaError('backup', `the object ${key} came back other than it was sent`, {
    details: [`${found.bytes} bytes came back, ${bytes} were sent`],
    hint: 'The storage cannot be trusted: push to another one, or ask those who run it.',
  });
}
