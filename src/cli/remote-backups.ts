import { resolve } from 'node:path';
import { readIdentities } from '../backup/age.ts';
import { pushBackup } from '../backup/push.ts';
import { damagedCopy, fetchCopy, findCopy, listCopies, verifyCopy } from '../backup/remote-copies.ts';
import { copiesResult, pushedResult } from '../backup/remote-report.ts';
import { createdResult } from '../backup/report.ts';
import { type ObjectStorage, openStorage } from '../backup/s3.ts';
import { openStore, type StoredBackup, whileInUse } from '../backup/store.ts';
import { parseRemoteUrl, type RemoteLocation, type StoredCopy } from '../backup/stored-copy.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { CommandResult } from '../report/report.ts';
import { reported, storeFolder } from './backup.ts';

/** Options of the commands that reach external storage, as they were typed. */
export interface RemoteOptions {
  /** `--to` or `--remote`; `true` or nothing means the configured one. */
  readonly url: unknown;
  /** False with `--no-encrypt`. */
  readonly encrypt: boolean;
  /** `--identity`. */
  readonly identityFile: unknown;
}

/** Copies backups to external storage. */
export async function push(
  context: Context,
  backups: readonly StoredBackup[],
  options: RemoteOptions,
): Promise<CommandResult> {
  const suspect = backups.filter(({ state }) => state === 'suspect').map(({ manifest }) => manifest.id);
  if (suspect.length > 0) {
    throw new AishaError('backup', `not stored, since it is suspect: ${suspect.join(', ')}`, {
      hint: 'Store a backup that is what it was: aisha-db backup list shows the states.',
    });
  }
  const recipients = options.encrypt ? recipientsOf(context) : [];
  return withStorage(context, options, async (storage) => {
    const copies: StoredCopy[] = [];
    const { signal, talk } = context;
    const pushing = { recipients, info: talk.info.bind(talk), progress: talk.progress.bind(talk), signal };
    for (const backup of backups) {
      copies.push(await whileInUse(storeFolder(context), backup, () => pushBackup(backup, storage, pushing)));
    }
    return pushedResult(copies, storage.location);
  });
}

/**
 * Finds out before anything is done whether a copy could be stored, as far as the configuration tells.
 * @throws AishaError (usage)
 */
export function checkPush(context: Context, options: RemoteOptions): void {
  locationOf(context, options);
  if (options.encrypt) recipientsOf(context);
}

/** Brings a copy into the store. */
export async function fetch(context: Context, ids: readonly string[], options: RemoteOptions): Promise<CommandResult> {
  const store = storeFolder(context);
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    throw new AishaError('usage', 'fetch brings one backup', { hint: 'Name it, or say latest.' });
  }
  return withStorage(context, options, async (storage) => {
    const copy = findCopy(await listCopies(storage), id, storage);
    openStore(store);
    const { signal, talk } = context;
    const identities = () => identitiesOf(context, options.identityFile);
    const backup = await fetchCopy(storage, copy, {
      store,
      identities,
      info: (line) => talk.info(line),
      progress: (now) => talk.progress(now),
      signal,
    });
    return createdResult(reported(backup), context.config.backup.keepDays);
  });
}

export async function listRemote(context: Context, options: RemoteOptions): Promise<CommandResult> {
  return withStorage(context, options, async (storage) => {
    const { copies, unfinished } = await listCopies(storage);
    return copiesResult(copies, unfinished, storage.location);
  });
}

/** Reads every byte of copies again; without names, of all. */
export async function verifyRemote(
  context: Context,
  ids: readonly string[],
  options: RemoteOptions,
): Promise<CommandResult> {
  return withStorage(context, options, async (storage) => {
    const content = await listCopies(storage);
    const copies = ids.length === 0 ? content.copies : ids.map((id) => findCopy(content, id, storage));
    const damaged: AishaError[] = [];
    for (const copy of copies) {
      context.talk.info(`reading the copy of ${copy.id}`);
      const differences = await verifyCopy(storage, copy, (progress) => context.talk.progress(progress));
      if (differences.length > 0) damaged.push(damagedCopy(copy.id, differences));
    }
    const result = copiesResult(copies, ids.length === 0 ? content.unfinished : [], storage.location);
    const [first] = damaged;
    if (first === undefined) return { ...result, text: `${result.text}: every object is as it was stored` };
    const details = damaged.flatMap((error) => [error.message, ...error.details.map((line) => `  ${line}`)]);
    const hint = first.hint ?? '';
    const message = damaged.length === 1 ? first.message : `${damaged.length} copies are not what was stored`;
    return { ...result, error: new AishaError('backup', message, { details, hint }) };
  });
}

async function withStorage<T>(
  context: Context,
  options: RemoteOptions,
  use: (storage: ObjectStorage) => Promise<T>,
): Promise<T> {
  const { config, env, signal } = context;
  const storage = await openStorage(locationOf(context, options), config.backup.remote, env, signal);
  try {
    return await use(storage);
  } finally {
    storage.close();
  }
}

function locationOf({ config }: Context, { url: given }: RemoteOptions): RemoteLocation {
  const url = typeof given === 'string' ? given : config.backup.remote.url;
  if (url !== undefined) return parseRemoteUrl(url);
  throw new AishaError('usage', 'no external storage is named', {
    hint: 'Give s3://bucket/folder, or set backup.remote.url in the configuration.',
  });
}

function recipientsOf({ config }: Context): readonly string[] {
  const { recipients } = config.backup.remote;
  if (recipients.length > 0) return recipients;
  throw new AishaError('usage', 'there is nobody to encrypt the copy for', {
    hint: 'Set backup.recipients (or backup.remote.recipients) to the public key that age-keygen prints, or store it readable with --no-encrypt.',
  });
}

function identitiesOf({ config, cwd }: Context, given: unknown): readonly string[] {
  const file = typeof given === 'string' ? resolve(cwd, given) : config.backup.remote.identityFile;
  if (file !== undefined) return readIdentities(file);
  throw new AishaError('usage', 'the copy is encrypted, and no identity is named', {
    hint: 'Give --identity FILE, or set backup.identityFile in the configuration.',
  });
}
