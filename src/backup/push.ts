import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AishaError } from '../errors.ts';
import type { Progress } from '../report/progress.ts';
import { counted, quantity } from '../report/quantity.ts';
import { encryptStream } from './age.ts';
import { Digest } from './digest.ts';
import type { BackupFile } from './manifest.ts';
import { byteCounter } from './progress.ts';
import { PushRecord } from './push-record.ts';
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
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies a backup to external storage. Every file is compared with the manifest on its way, encrypted, stored, read
 * back and compared again; only then the marker is written that makes it a copy. Nothing is held in memory but the
 * parts that are on their way. What an earlier push has stored is read back, and not stored again when it is whole.
 * @throws AishaError (backup) when a file is not as it was written, or the storage fails; then no copy is listed
 */
export async function pushBackup(
  backup: StoredBackup,
  storage: ObjectStorage,
  { recipients, info, progress, signal }: PushOptions,
): Promise<StoredCopy> {
  const { manifest, path } = backup;
  const { location } = storage;
  const { id, createdAt, class: backupClass } = manifest;
  const copy = { id, createdAt, class: backupClass, encrypted: recipients.length > 0 };
  const record = await PushRecord.open(backup, storage, recipients);
  const files = [...manifest.files, await hashFile(path, MANIFEST)];
  const onBytes = byteCounter('storing', backup.bytes, progress);
  info(`storing ${id}, ${quantity(backup.bytes, 'bytes')}, at ${describeLocation(location)}`);
  const objects: StoredObject[] = [];
  let found = 0;
  for (const file of files) {
    signal.throwIfAborted();
    const isSealed = manifest.encryption !== undefined && file.path !== MANIFEST;
    const name = { path: file.path, ...(isSealed ? { asIs: true as const } : {}) };
    const key = objectKey(location, copy, name);
    const sealFor = isSealed ? [] : recipients;
    const known = await record.find(key, file, sealFor.length > 0);
    const object = known ?? (await storeFile(path, file, key, storage, sealFor));
    if (known === undefined) record.add(key, file, object);
    else found += 1;
    objects.push({ ...name, ...object });
    onBytes(file.bytes);
  }
  if (found > 0) info(`${quantity(found)} of ${counted(files.length, 'file')} were there already, and are whole`);
  const whole: StoredCopy = { ...copy, objects };
  await storeMarker(whole, storage);
  record.close();
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
