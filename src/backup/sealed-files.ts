import { createReadStream, createWriteStream, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AishaError } from '../errors.ts';
import { quantity } from '../report/quantity.ts';
import { decryptStream, encryptStream, readIdentities, recipientOf } from './age.ts';
import type { BackupWorld } from './create.ts';
import { type BackupFile, type Manifest, sizeOf } from './manifest.ts';
import { byteCounter } from './progress.ts';
import type { BackupSettings } from './settings.ts';
import { contentOf, freeBytes, type StoredBackup, whileInUse } from './store.ts';

/** Ending of the name of a file that is encrypted. */
const SEALED = '.age';

type Keys = Pick<BackupSettings, 'encrypt' | 'recipients' | 'identityFile'>;

/**
 * Whom backups are encrypted for; nobody when they are not. Asked before anything is dumped.
 * @throws AishaError (usage) when there is nobody, or one of them is no recipient
 */
export async function sealingRecipients({ encrypt, recipients }: Keys): Promise<readonly string[]> {
  if (!encrypt) return [];
  if (recipients.length === 0) {
    throw new AishaError('usage', 'there is nobody to encrypt the backup for', {
      hint: 'Set backup.recipients to the public key that age-keygen prints, or leave it readable with --no-encrypt.',
    });
  }
  await encryptStream(Readable.from([]), recipients);
  return recipients;
}

/**
 * Finds out before anything is dumped whether a proof by restore could read what will have been encrypted.
 * @throws AishaError (usage) when it could not
 */
export async function checkProofKey(settings: Keys): Promise<void> {
  const recipients = await sealingRecipients(settings);
  if (recipients.length === 0) return;
  const hint = `Name the identity of a recipient as backup.identityFile or with --identity FILE, or prove it where the identity is: --no-restore, and backup.proveAtOnce without this class.`;
  if (settings.identityFile === undefined) {
    throw new AishaError('usage', 'the backup is to be encrypted and proved by a restore, and no identity is named', {
      hint,
    });
  }
  const own = await Promise.all(readIdentities(settings.identityFile).map(recipientOf));
  if (own.some((recipient) => recipients.includes(recipient))) return;
  throw new AishaError(
    'usage',
    `no identity of ${settings.identityFile} opens what is encrypted for these recipients`,
    {
      details: recipients,
      hint,
    },
  );
}

/** Puts every file of a folder into an encrypted one of its own; the readable one goes as soon as that is written. */
export async function sealFiles(
  folder: string,
  recipients: readonly string[],
  { signal, progress }: Pick<BackupWorld, 'signal' | 'progress'>,
): Promise<void> {
  const files = contentOf(folder).map((path) => join(folder, path));
  const total = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const onBytes = byteCounter('encrypting', total, progress);
  for (const file of files) {
    signal.throwIfAborted();
    const sealed = await encryptStream(counted(createReadStream(file), onBytes), recipients);
    await pipeline(sealed, createWriteStream(`${file}${SEALED}`, { mode: 0o600 }), { signal });
    rmSync(file);
  }
}

/** `catalog`: only the description of the database, which is small. */
type Wanted = 'all' | 'catalog';

/**
 * Lends a backup whose content can be read. One that is encrypted is decrypted into a folder of the run inside the
 * store, which nobody else may look into and which is gone on every way out; that of a killed run goes with the next.
 * @throws AishaError (usage) when it is encrypted and no identity is named; (backup) when none of them opens it, or
 *   there is no room
 */
export async function withContent<T>(
  backup: StoredBackup,
  world: Pick<BackupWorld, 'store' | 'settings' | 'signal' | 'info' | 'progress'>,
  use: (opened: StoredBackup) => Promise<T>,
  wanted: Wanted = 'all',
): Promise<T> {
  const { manifest } = backup;
  if (backup.content !== undefined) return use(backup);
  if (manifest.encryption === undefined) return whileInUse(world.store, backup, () => use(backup));
  const identities = identitiesFor(manifest, world.settings);
  const files = manifest.files.filter(({ path }) => wanted === 'all' || path === `catalog.json${SEALED}`);
  refuseLackOfRoom(manifest, files, world.store);
  return whileInUse(world.store, backup, async (content) => {
    if (wanted === 'all') world.info(`decrypting ${manifest.id}, ${quantity(sizeOf(manifest), 'bytes')}`);
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const onBytes = byteCounter('decrypting', total, world.progress);
    for (const { path } of files) {
      world.signal.throwIfAborted();
      const target = join(content, plainPath(path));
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      const sealed = counted(createReadStream(join(backup.path, path)), onBytes);
      const plain = await decryptStream(sealed, identities, `${manifest.id}/${path}`);
      await pipeline(plain, createWriteStream(target, { mode: 0o600 }), { signal: world.signal });
    }
    return use({ ...backup, content });
  });
}

/** Path of a file in the dump, as it was before it was encrypted. */
function plainPath(path: string): string {
  return path.endsWith(SEALED) ? path.slice(0, -SEALED.length) : path;
}

function identitiesFor({ id, encryption }: Manifest, { identityFile }: Keys): readonly string[] {
  if (identityFile !== undefined) return readIdentities(identityFile);
  throw new AishaError('usage', `the backup ${id} is encrypted, and no identity is named`, {
    details: (encryption?.recipients ?? []).map((recipient) => `the identity of ${recipient} opens it`),
    hint: 'Give --identity FILE, or set backup.identityFile in the configuration.',
  });
}

function refuseLackOfRoom({ id }: Manifest, files: readonly BackupFile[], store: string): void {
  const needed = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = freeBytes(store);
  if (free >= needed) return;
  throw new AishaError('backup', `there is no room to decrypt ${id}`, {
    details: [`it takes ${quantity(needed, 'bytes')}, and ${quantity(free, 'bytes')} are left in ${store}`],
    hint: 'Make room with aisha-db backup prune, or copy the backup to a store on another disk.',
  });
}

function counted(source: Readable, onBytes: (bytes: number) => void): Readable {
  return Readable.from(
    (async function* () {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        onBytes(chunk.length);
        yield chunk;
      }
    })(),
    { objectMode: false },
  );
}
