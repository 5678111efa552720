import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AishaError, messageOf } from '../errors.ts';

/**
 * Encrypts a stream for all recipients, in the format of age (C2SP age-encryption.org/v1), a chunk of 64 KiB at a time.
 * @throws AishaError (usage) for a recipient that is none
 */
export async function encryptStream(plain: Readable, recipients: readonly string[]): Promise<Readable> {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new AishaError('usage', `"${recipient}" is no recipient of age: ${messageOf(error)}`, {
        cause: error,
        hint: 'Correct backup.recipients: age-keygen prints a public key that begins with age1.',
      });
    }
  }
  return fromWeb(await encrypter.encrypt(Readable.toWeb(plain) as never));
}

/**
 * Decrypts a stream.
 * @param name of what is read, for the error
 * @throws AishaError (backup) when none of the identities opens it
 */
export async function decryptStream(sealed: Readable, identities: readonly string[], name: string): Promise<Readable> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return fromWeb(await decrypter.decrypt(Readable.toWeb(sealed) as never));
  } catch (error) {
    sealed.destroy();
    if (sealed.errored) throw sealed.errored;
    throw new AishaError('backup', `${name} cannot be decrypted: ${messageOf(error)}`, {
      cause: error,
      hint: 'Give the identity of one of the recipients that it was encrypted for: --identity FILE, or backup.identityFile.',
    });
  }
}

/** The public key of an identity. */
export async function recipientOf(identity: string): Promise<string> {
  const { identityToRecipient } = await import('age-encryption');
  return identityToRecipient(identity);
}

/**
 * The identities of a file as age-keygen writes it: one a line, comments begin with #.
 * @throws AishaError (usage) when the file cannot be read or holds none
 */
export function readIdentities(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new AishaError('usage', `the identity file ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name the file that age-keygen wrote.',
    });
  }
  const identities = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length > 0 && identities.every((line) => /^AGE-SECRET-KEY-/i.test(line))) return identities;
  // Whatever the lines are, they may be secret.
  throw new AishaError('usage', `the file ${file} is no identity file of age`, {
    hint: 'Its lines begin with AGE-SECRET-KEY-; age-keygen writes such a file. A passphrase or plugin is not supported.',
  });
}

function fromWeb(stream: unknown): Readable {
  return Readable.fromWeb(stream as ReadableStream<Uint8Array>);
}
