import { createHash } from 'node:crypto';
import { AishaError } from '../errors.ts';

/** Where copies lie outside of this machine. */
export interface RemoteLocation {
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly prefix: string;
}

/** One object of a copy. */
export interface StoredObject {
  /** Path in the backup; the object's name has `.age` behind it when the copy is encrypted. */
  readonly path: string;
  /** The backup has it encrypted already: the object is the file as it is. */
  readonly asIs?: true;
  /** Of the object, as it is stored. */
  readonly bytes: number;
  /** Of the object, as it is stored: whoever lacks the identity can check the copy, too. */
  readonly sha256: string;
}

/** What makes uploaded objects a copy: written last, after everything was read back. */
export interface StoredCopy {
  readonly id: string;
  readonly createdAt: string;
  readonly class: string;
  readonly encrypted: boolean;
  readonly objects: readonly StoredObject[];
}

const SCHEMA = 'aisha-db/stored-copy@1';
/** The last object of a copy. It names no table and no database: it is not encrypted. */
const MARKER = 'stored.json';

/** @throws AishaError (usage) for anything but `s3://bucket` or `s3://bucket/prefix` */
export function parseRemoteUrl(url: string): RemoteLocation {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/s.exec(url) ?? [];
  if (bucket === undefined) {
    throw new AishaError('usage', `${url} names no external storage`, {
      hint: 'Write it as s3://bucket or s3://bucket/folder; endpoint and region belong to backup.remote in the configuration.',
    });
  }
  const prefix = path.replace(/^\/+|\/+$/g, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

export function describeLocation({ bucket, prefix }: RemoteLocation): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '');
}

/** Name of the object that makes a copy of the backup complete. */
export function markerKey({ prefix }: RemoteLocation, id: string): string {
  return `${prefix}${id}/${MARKER}`;
}

export function objectKey(
  { prefix }: RemoteLocation,
  copy: Pick<StoredCopy, 'id' | 'encrypted'>,
  { path, asIs }: Pick<StoredObject, 'path' | 'asIs'>,
): string {
  return `${prefix}${copy.id}/${path}${copy.encrypted && asIs !== true ? '.age' : ''}`;
}

/** What lies at a location: copies that are complete, as far as names tell, and uploads that are not. */
export function groupByBackup(
  { prefix }: RemoteLocation,
  objects: readonly { readonly key: string; readonly bytes: number }[],
): { readonly complete: readonly string[]; readonly unfinished: readonly string[] } {
  const inFolders = objects.flatMap(({ key }) => /^([^/]+)\/(.+)$/s.exec(key.slice(prefix.length))?.slice(1) ?? []);
  const ids = new Set(inFolders.filter((_, i) => i % 2 === 0));
  const complete = new Set(
    objects.flatMap(({ key }) => (key.endsWith(`/${MARKER}`) ? [key.slice(prefix.length, -MARKER.length - 1)] : [])),
  );
  return {
    complete: [...ids].filter((id) => complete.has(id)).sort(),
    unfinished: [...ids].filter((id) => !complete.has(id)).sort(),
  };
}

/** The text of the marker, with the hash of its own content. */
export function serializeCopy(copy: StoredCopy): string {
  return `${JSON.stringify({ schema: SCHEMA, sha256: hashOf(copy), ...copy }, null, 2)}\n`;
}

/** @throws AishaError (backup) when it is not as it was written, or of another version of the format */
export function parseCopy(text: string, key: string): StoredCopy {
  let read: Record<string, unknown> = {};
  try {
    read = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Told below: what is no JSON has no schema either.
  }
  const { schema, sha256, ...copy } = read;
  const found = copy as unknown as StoredCopy;
  if (schema === SCHEMA && sha256 === hashOf(copy) && found.objects.every(isInside)) return found;
  throw new AishaError('backup', `the object ${key} is damaged or of another version`, {
    hint: 'Push the backup again, or use the version of aisha-db that stored it.',
  });
}

export function sizeOfCopy({ objects }: StoredCopy): number {
  return objects.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Whoever can write to the bucket must not choose where in the file system a copy is put. */
function isInside({ path }: StoredObject): boolean {
  return path.split('/').every((part) => !['', '.', '..'].includes(part)) && !path.includes('\\');
}

function hashOf(copy: object): string {
  return createHash('sha256').update(JSON.stringify(copy)).digest('hex');
}
