import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AishaError, messageOf } from '../errors.ts';
import { isIdentityRunning, processIdentity } from '../postgres/process-identity.ts';
import type { Progress } from '../report/progress.ts';
import { syncToDisk, writeWhole } from '../whole-file.ts';
import { type BackupFile, type Manifest, parseManifest, serializeManifest, sizeOf } from './manifest.ts';
import { byteCounter } from './progress.ts';
import type { BackupState } from './retention.ts';
import type { BackupClass } from './settings.ts';

/** The file that makes a folder a backup. */
export const MANIFEST = 'manifest.json';
const VERIFICATION = 'verification.json';
/** Its presence pins a backup. */
const PIN = 'pinned';
/** Work that nobody has finished: out of sight until it is whole. */
const IN_PROGRESS = '.in-progress';
const FAILURES = '.failures';
/** What uploads that were not finished have stored so far. */
export const PUSHES = '.pushes';

/** What a verification by restore found. */
export interface Verification {
  /** Of the manifest that was verified. */
  readonly manifestSha256: string;
  readonly verified: boolean;
  readonly at: string;
  /** Version of the scratch server. */
  readonly serverVersion: string | null;
  /** Milliseconds that the restore took: the measured part of an RTO. */
  readonly restoreMs: number | null;
  readonly tables: number;
  readonly differences: readonly { readonly object: string; readonly message: string }[];
  /** Extensions and constraints that the scratch server could not take. */
  readonly notRestored: readonly string[];
}

/** A backup that is whole, as far as its manifest tells. */
export interface StoredBackup {
  readonly manifest: Manifest;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly state: BackupState;
  readonly verification: Verification | undefined;
  readonly pinned: boolean;
  /** Folder with the readable content of an encrypted backup, while somebody has it opened. */
  readonly content?: string;
}

/**
 * Folder of the dump and of the catalog.
 * @throws Error when the backup is encrypted and was not opened: a defect of ours
 */
export function contentFolder({
  manifest,
  path,
  content,
}: Pick<StoredBackup, 'manifest' | 'path' | 'content'>): string {
  if (content !== undefined) return content;
  if (manifest.encryption === undefined) return path;
  throw new Error(`the backup ${manifest.id} is encrypted and was not opened`);
}

/** What lies in a store. */
export interface StoreContent {
  /** From the oldest. */
  readonly backups: readonly StoredBackup[];
  /** Folders that claim to be a backup and are none. */
  readonly damaged: readonly { readonly path: string; readonly reason: string }[];
  readonly failures: readonly Failure[];
}

/** The last attempts that failed, of databases that have had no good one since. */
export interface Failure {
  readonly id: string;
  readonly database: string;
  readonly class: BackupClass;
  readonly at: string;
  readonly reason: string;
}

/** A run that works in the store, so that the next one can clear up after it. */
export interface RunRecord {
  readonly id: string;
  readonly class: BackupClass;
  /** `databaseKey` of what is backed up. */
  readonly database: string;
  /** `processIdentity` of the program. */
  readonly owner: string;
  readonly machine: string;
  readonly applicationName: string;
  /** Identifier of a backup that the run reads: it must not go meanwhile. */
  readonly uses?: string;
  readonly startedAt: string;
}

/** Whatever tells one database from another, also when two servers are reached by the same name. */
export function databaseKey({ server, database }: Pick<Manifest, 'server' | 'database'>): string {
  return `${server.systemIdentifier ?? `${server.host}:${server.port}`}/${database.name}`;
}

/** Reads a store; one that does not exist is empty. Only folders with a manifest that proves itself are backups. */
export function readStore(store: string): StoreContent {
  const found = folderNames(store)
    .filter((name) => !name.startsWith('.'))
    .map((name) => readBackup(join(store, name)));
  const backups = found.flatMap((result) => ('manifest' in result ? [result] : []));
  return {
    backups: backups.sort(
      (a, b) =>
        Date.parse(a.manifest.createdAt) - Date.parse(b.manifest.createdAt) || (a.manifest.id < b.manifest.id ? -1 : 1),
    ),
    damaged: found.flatMap((result) => ('reason' in result ? [result] : [])),
    failures: readJsonFiles<Failure>(join(store, FAILURES)),
  };
}

/**
 * The backup of that identifier, or of a beginning of it that only one has; `latest` is the newest.
 * @throws AishaError (usage)
 */
export function findBackup({ backups }: StoreContent, wanted: string): StoredBackup {
  const matches =
    wanted === 'latest' ? backups.slice(-1) : backups.filter(({ manifest }) => manifest.id.startsWith(wanted));
  const exact = matches.find(({ manifest }) => manifest.id === wanted);
  const [only] = matches;
  if (exact !== undefined) return exact;
  if (only !== undefined && matches.length === 1) return only;
  throw new AishaError('usage', matches.length === 0 ? `there is no backup ${wanted}` : `${wanted} is not one backup`, {
    details: matches.map(({ manifest }) => manifest.id),
    hint: 'aisha-db backup list shows the backups of the store.',
  });
}

/** Makes the folder of a run and says whose it is. */
export function beginRun(store: string, run: Omit<RunRecord, 'owner' | 'machine' | 'startedAt'>): string {
  const folder = join(store, IN_PROGRESS, run.id);
  mkdirSync(join(store, IN_PROGRESS), { recursive: true, mode: 0o700 });
  const record: RunRecord = {
    ...run,
    owner: processIdentity(process.pid) ?? '',
    machine: hostname(),
    startedAt: new Date().toISOString(),
  };
  writeWhole(`${folder}.json`, `${JSON.stringify(record)}\n`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Records of runs that have not ended themselves, their own among them. */
export function readRuns(store: string): RunRecord[] {
  return readJsonFiles<RunRecord>(join(store, IN_PROGRESS));
}

/** Keeps a backup from being pruned while `use` reads it; lends a folder that goes with the run. */
export async function whileInUse<T>(
  store: string,
  { manifest }: StoredBackup,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const id = `reading-${manifest.id}-${randomBytes(3).toString('hex')}`;
  const folder = beginRun(store, { id, class: manifest.class, database: '', applicationName: '', uses: manifest.id });
  try {
    return await use(folder);
  } finally {
    endRun(store, id);
  }
}

/** Identifiers of the backups that a run reads which has not been killed. */
export function backupsInUse(store: string): Set<string> {
  const isAlive = ({ machine, owner }: RunRecord) => machine !== hostname() || isIdentityRunning(owner);
  return new Set(readRuns(store).flatMap((run) => (run.uses !== undefined && isAlive(run) ? [run.uses] : [])));
}

/** Removes all that a run has left. */
export function endRun(store: string, id: string): void {
  const folder = join(store, IN_PROGRESS, id);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  rmSync(`${folder}.json`, { force: true });
}

/** Makes what lies in the folder of a run a backup: all of it is on disk before it is seen, the manifest last. */
export function publish(store: string, folder: string, manifest: Manifest): StoredBackup {
  for (const { path } of manifest.files) syncToDisk(join(folder, path));
  for (const path of new Set(manifest.files.map((file) => dirname(file.path)))) syncToDisk(join(folder, path));
  writeWhole(join(folder, MANIFEST), serializeManifest(manifest));
  const path = join(store, manifest.id);
  renameSync(folder, path);
  syncToDisk(store);
  syncToDisk(join(store, IN_PROGRESS));
  return { manifest, path, bytes: sizeOf(manifest), state: 'unverified', verification: undefined, pinned: false };
}

/** Takes a backup out of the list in one step, then removes it; what a kill leaves of it is cleared by the next run. */
export function removeBackup(store: string, { manifest, path }: StoredBackup): void {
  const id = `removed-${manifest.id}`;
  const folder = beginRun(store, { id, class: manifest.class, database: '', applicationName: '' });
  renameSync(path, join(folder, manifest.id));
  syncToDisk(store);
  endRun(store, id);
  for (const name of pushRecords(store))
    if (name.startsWith(manifest.id)) rmSync(join(store, PUSHES, name), { force: true });
}

function pushRecords(store: string): string[] {
  return existsSync(join(store, PUSHES)) ? readdirSync(join(store, PUSHES)) : [];
}

export function recordFailure(store: string, failure: Failure): void {
  mkdirSync(join(store, FAILURES), { recursive: true, mode: 0o700 });
  writeWhole(join(store, FAILURES, `${failure.id}.json`), `${JSON.stringify(failure)}\n`);
}

/** A good backup makes earlier failures history. */
export function forgetFailures(store: string, database: string): void {
  for (const failure of readJsonFiles<Failure>(join(store, FAILURES))) {
    if (failure.database === database) rmSync(join(store, FAILURES, `${failure.id}.json`), { force: true });
  }
}

export function recordVerification({ path }: StoredBackup, verification: Verification): void {
  writeWhole(join(path, VERIFICATION), `${JSON.stringify(verification, null, 2)}\n`);
}

export function setPinned({ path }: StoredBackup, pinned: boolean): void {
  if (pinned) writeWhole(join(path, PIN), '');
  else rmSync(join(path, PIN), { force: true });
}

/** The hash of the manifest file: what a verification is bound to. */
export function manifestHash({ path }: Pick<StoredBackup, 'path'>): string {
  return createHash('sha256')
    .update(readFileSync(join(path, MANIFEST)))
    .digest('hex');
}

/** Size and hash of every file below the folder, in the order of their names; memory does not grow with them. */
export async function hashFiles(
  folder: string,
  progress: (progress: Progress) => void = () => {},
): Promise<BackupFile[]> {
  const files: BackupFile[] = [];
  const paths = contentOf(folder);
  const total = paths.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
  const onBytes = byteCounter('hashing', total, progress);
  for (const path of paths) files.push(await hashFile(folder, path, onBytes));
  return files;
}

/** Paths of a backup's files, without those that are not part of its content. */
export function contentOf(folder: string): string[] {
  const own = [MANIFEST, VERIFICATION, PIN];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !own.includes(path))
    .sort();
}

export async function hashFile(
  folder: string,
  path: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<BackupFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(join(folder, path)), async (chunks) => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(chunk.length);
    }
  });
  return { path, bytes, sha256: hash.digest('hex') };
}

/** Makes the store; others of the machine cannot look into it. */
export function openStore(store: string): void {
  try {
    mkdirSync(store, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AishaError('usage', `the store ${store} cannot be made: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name another folder with --store, or backup.store in the configuration.',
    });
  }
}

/** Bytes that whoever runs us may still write to the store, also when it has yet to be made. */
export function freeBytes(store: string): number {
  if (!existsSync(store)) return freeBytes(dirname(store));
  const { bavail, bsize } = statfsSync(store);
  return bavail * bsize;
}

type Read = StoredBackup | StoreContent['damaged'][number];

function readBackup(path: string): Read {
  const file = join(path, MANIFEST);
  if (!existsSync(file)) return { path, reason: 'it has no manifest' };
  try {
    const manifest = parseManifest(readFileSync(file, 'utf8'), file);
    if (manifest.id !== basename(path)) return { path, reason: `its manifest is that of the backup ${manifest.id}` };
    const verification = readVerification(path);
    const state = verification === undefined ? 'unverified' : verification.verified ? 'verified' : 'suspect';
    return { manifest, path, bytes: sizeOf(manifest), state, verification, pinned: existsSync(join(path, PIN)) };
  } catch (error) {
    return { path, reason: messageOf(error) };
  }
}

/** One of another manifest says nothing about this one. */
function readVerification(path: string): Verification | undefined {
  const verification = readJson<Verification>(join(path, VERIFICATION));
  return verification?.manifestSha256 === manifestHash({ path }) ? verification : undefined;
}

function readJsonFiles<T>(folder: string): T[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.flatMap((name) => readJson<T>(join(folder, name)) ?? []);
}

/** `undefined` for a file that is gone or holds no JSON. */
function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

function folderNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
