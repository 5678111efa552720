import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AishaError } from '../errors.ts';
import { writeWhole } from '../whole-file.ts';
import { Digest } from './digest.ts';
import type { BackupFile } from './manifest.ts';
import type { ObjectStorage } from './s3.ts';
import { PUSHES, type StoredBackup } from './store.ts';
import { describeLocation, type StoredObject } from './stored-copy.ts';

type Stored = Pick<StoredObject, 'bytes' | 'sha256'>;

/** An object that was stored and read back, and of which file it is the content. */
interface Entry extends Stored {
  readonly key: string;
  readonly ofSha256: string;
}

/**
 * What a push has stored so far, so that the next one goes on from there. It lies in the store, not in the bucket: an
 * encrypted object can only be told from another by what was sent, and nobody who can write to the bucket may say so.
 */
export class PushRecord {
  readonly #file: string;
  readonly #entries: Entry[];
  readonly #storage: ObjectStorage;
  readonly #listed: ReadonlyMap<string, number>;

  private constructor(file: string, entries: Entry[], storage: ObjectStorage, listed: ReadonlyMap<string, number>) {
    this.#file = file;
    this.#entries = entries;
    this.#storage = storage;
    this.#listed = listed;
  }

  /** @param recipients for others the same files are other objects */
  static async open(
    { manifest, path }: StoredBackup,
    storage: ObjectStorage,
    recipients: readonly string[],
  ): Promise<PushRecord> {
    const place = JSON.stringify([describeLocation(storage.location), [...recipients].sort()]);
    const name = `${manifest.id}-${createHash('sha256').update(place).digest('hex').slice(0, 16)}.json`;
    const file = join(dirname(path), PUSHES, name);
    // A key may be allowed to write and not to list: then all is stored again. What else is wrong, storing tells.
    const listed = await storage.list(`${manifest.id}/`).catch((error) => {
      if (error instanceof AishaError && error.kind === 'backup') return [];
      throw error;
    });
    return new PushRecord(file, readEntries(file), storage, new Map(listed.map(({ key, bytes }) => [key, bytes])));
  }

  /**
   * The object of a file when it is there and whole: every byte of it is read back and hashed.
   * @param isSealed its content is not the file's own
   */
  async find(key: string, file: BackupFile, isSealed: boolean): Promise<Stored | undefined> {
    const expected: Stored | undefined = isSealed
      ? this.#entries.findLast((entry) => entry.key === key && entry.ofSha256 === file.sha256)
      : file;
    if (expected === undefined || this.#listed.get(key) !== expected.bytes) return undefined;
    const { bytes, sha256 } = await this.#storage.read(key, (content) => Digest.ofAll(content));
    return bytes === expected.bytes && sha256 === expected.sha256 ? { bytes, sha256 } : undefined;
  }

  add(key: string, { sha256: ofSha256 }: BackupFile, { bytes, sha256 }: Stored): void {
    this.#entries.push({ key, ofSha256, bytes, sha256 });
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeWhole(this.#file, `${JSON.stringify(this.#entries)}\n`);
  }

  /** The copy is whole: nothing is left to go on from. */
  close(): void {
    rmSync(this.#file, { force: true });
  }
}

/** A record that cannot be read makes the push begin anew. */
function readEntries(file: string): Entry[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Entry[];
  } catch {
    return [];
  }
}
