import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { AishaError } from '../errors.ts';
import type { Progress } from '../report/progress.ts';
import { quantity } from '../report/quantity.ts';
import { decryptStream } from './age.ts';
import type { Difference } from './compare.ts';
import { Digest } from './digest.ts';
import { parseManifest } from './manifest.ts';
import { byteCounter } from './progress.ts';
import type { ObjectStorage } from './s3.ts';
import type { BackupClass } from './settings.ts';
import { beginRun, endRun, MANIFEST, publish, readStore, type StoredBackup } from './store.ts';
import {
  describeLocation,
  groupByBackup,
  markerKey,
  objectKey,
  parseCopy,
  type StoredCopy,
  type StoredObject,
  sizeOfCopy,
} from './stored-copy.ts';

/** What lies at a location. */
export interface RemoteContent {
  /** From the oldest. */
  readonly copies: readonly StoredCopy[];
  /** Identifiers of uploads that were never finished: they are no backups. */
  readonly unfinished: readonly string[];
}

/** @throws AishaError (backup) when the storage does not answer, or a marker is damaged */
export async function listCopies(storage: ObjectStorage): Promise<RemoteContent> {
  const { complete, unfinished } = groupByBackup(storage.location, await storage.list());
  const copies: StoredCopy[] = [];
  for (const id of complete) copies.push(await readCopy(storage, id));
  return { copies: copies.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt)), unfinished };
}

/**
 * The copy of that identifier, or of a beginning of it that only one has; `latest` is the newest.
 * @throws AishaError (usage)
 */
export function findCopy({ copies }: RemoteContent, wanted: string, { location }: ObjectStorage): StoredCopy {
  const matches = wanted === 'latest' ? copies.slice(-1) : copies.filter(({ id }) => id.startsWith(wanted));
  const found = matches.find(({ id }) => id === wanted) ?? (matches.length === 1 ? matches[0] : undefined);
  if (found !== undefined) return found;
  const what = matches.length === 0 ? `there is no copy of ${wanted}` : `${wanted} is not one copy`;
  throw new AishaError('usage', `${what} in ${describeLocation(location)}`, {
    details: matches.map(({ id }) => id),
    hint: 'aisha-db backup list --remote shows what is there.',
  });
}

/** Reads every byte of a copy and names each object that is not as it was stored; needs no identity. */
export async function verifyCopy(
  storage: ObjectStorage,
  copy: StoredCopy,
  progress: (progress: Progress) => void,
): Promise<Difference[]> {
  const { location } = storage;
  const own = new Map(copy.objects.map((object) => [objectKey(location, copy, object), object]));
  const listed = new Map((await storage.list(`${copy.id}/`)).map(({ key, bytes }) => [key, bytes]));
  const differences: Difference[] = [...listed.keys()]
    .filter((key) => !own.has(key) && key !== markerKey(location, copy.id))
    .map((key) => ({ object: key, message: 'does not belong to the copy' }));
  const onBytes = byteCounter('reading', sizeOfCopy(copy), progress);
  for (const [key, object] of own) {
    const message = listed.has(key) ? await changeOf(storage, key, object) : 'is missing';
    onBytes(object.bytes);
    if (message !== undefined) differences.push({ object: key, message });
  }
  return differences;
}

export interface FetchOptions {
  /** Absolute path of the store to put it in. */
  readonly store: string;
  /** Identities of age; not asked for when the copy is not encrypted. */
  readonly identities: () => readonly string[];
  readonly info: (line: string) => void;
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings a copy into the store: each object is compared with the marker, decrypted, and each file compared with the
 * manifest. Until all of that holds the store does not list it.
 * @throws AishaError (backup) when something is not as it was stored, or no identity opens it; (usage) when the store
 *   has that backup
 */
export async function fetchCopy(
  storage: ObjectStorage,
  copy: StoredCopy,
  options: FetchOptions,
): Promise<StoredBackup> {
  const { store, info, progress, signal } = options;
  const { id } = copy;
  if (readStore(store).backups.some(({ manifest }) => manifest.id === id)) {
    throw new AishaError('usage', `the backup ${id} is in the store already`, {
      hint: 'Name another store with --store, or verify the one that is there.',
    });
  }
  const identities = copy.encrypted ? options.identities() : [];
  info(`fetching ${id}, ${quantity(sizeOfCopy(copy), 'bytes')}, from ${describeLocation(storage.location)}`);
  const run = `fetching-${id}`;
  const folder = beginRun(store, { id: run, class: copy.class as BackupClass, database: '', applicationName: '' });
  try {
    const onBytes = byteCounter('fetching', sizeOfCopy(copy), progress);
    for (const object of copy.objects) {
      signal.throwIfAborted();
      await fetchObject(storage, copy, object, folder, identities);
      onBytes(object.bytes);
    }
    const manifest = parseManifest(readFileSync(join(folder, MANIFEST), 'utf8'), `${id}/${MANIFEST}`);
    const { verifyFiles } = await import('./verify.ts');
    const fetched = { manifest, path: folder, bytes: 0, state: 'unverified', verification: undefined, pinned: false };
    const differences = await verifyFiles(fetched as StoredBackup, signal);
    if (manifest.id !== id) differences.push({ object: MANIFEST, message: `is that of the backup ${manifest.id}` });
    if (differences.length > 0) throw damagedCopy(id, differences);
    return publish(store, folder, manifest);
  } finally {
    endRun(store, run);
  }
}

/** What is to be told of a copy that is not as it was stored. */
export function damagedCopy(id: string, differences: readonly Difference[]): AishaError {
  return new AishaError('backup', `the copy of ${id} is not what was stored`, {
    details: differences.map(({ object, message }) => `${object} ${message}`),
    hint: 'Push the backup again while it is there, and find out what changed the objects.',
  });
}

async function readCopy(storage: ObjectStorage, id: string): Promise<StoredCopy> {
  const key = markerKey(storage.location, id);
  const copy = parseCopy(await storage.read(key, (content) => text(content)), key);
  if (copy.id === id) return copy;
  throw damagedCopy(id, [{ object: key, message: `is that of ${copy.id}` }]);
}

async function changeOf(
  storage: ObjectStorage,
  key: string,
  { bytes, sha256 }: StoredObject,
): Promise<string | undefined> {
  const found = await storage.read(key, (content) => Digest.ofAll(content));
  if (found.bytes !== bytes) return `has ${found.bytes} bytes and had ${bytes}`;
  return found.sha256 === sha256 ? undefined : 'has other content than it had';
}

async function fetchObject(
  storage: ObjectStorage,
  copy: StoredCopy,
  object: StoredObject,
  folder: string,
  identities: readonly string[],
): Promise<void> {
  const file = join(folder, object.path);
  const key = objectKey(storage.location, copy, object);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  await storage.read(key, async (content) => {
    const received = Readable.from(asStored(content, key, copy.id, object));
    const plain = copy.encrypted && object.asIs !== true ? await decryptStream(received, identities, key) : received;
    await pipeline(plain, createWriteStream(file, { mode: 0o600 }));
  });
}

/** The object's content; ends with an error when it is not what the marker says. */
async function* asStored(
  content: Readable,
  key: string,
  id: string,
  { bytes, sha256 }: StoredObject,
): AsyncGenerator<Uint8Array> {
  const digest = new Digest();
  yield* digest.of(content);
  const found = digest.result();
  if (found.bytes === bytes && found.sha256 === sha256) return;
  throw damagedCopy(id, [{ object: key, message: `has ${found.bytes} bytes or other content than it had` }]);
}
