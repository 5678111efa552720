import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { checksum, normalise } from './checksum.ts';
import { parseName } from './name.ts';
import type { FileFact } from './plan.ts';
import { expand, type ReadInclude } from './psql.ts';

/** A folder of SQL files as it lies on disk. */
export interface MigrationFolder {
  readonly dir: string;
  readonly files: readonly FileFact[];
  /** Reads a file's content, byte order mark removed and CRLF as LF. @throws AishaError (usage) for one that was found unreadable */
  read(file: string): Uint8Array;
  /** The same, or `undefined` when it no longer has this checksum or cannot be read. */
  readChecked(file: string, checksum: string | undefined): Uint8Array | undefined;
  readonly include: ReadInclude;
}

const BACKSLASH = 92;

/** A folder's `.sql` files before any of them is read. */
export interface FolderListing {
  readonly dir: string;
  /** Where each file lies, by its name relative to the folder. */
  readonly paths: ReadonlyMap<string, Buffer | string>;
  /** Links, pipes and devices: reading a pipe would wait for ever. */
  readonly odd: ReadonlySet<string>;
}

/** Finds every `.sql` file below a folder and takes its checksum. @throws AishaError (usage) like `listFolder` */
export function readFolder(dir: string, finalFrom: number): MigrationFolder {
  return readFiles(listFolder(dir), finalFrom, () => false);
}

/**
 * Finds every `.sql` file below a folder (sub-folders too; links to folders are not followed).
 * @throws AishaError (usage) when the folder does not exist or cannot be listed
 */
export function listFolder(dir: string): FolderListing {
  const paths = new Map<string, Buffer | string>();
  const odd = new Set<string>();
  list(dir, dir, '', paths, odd);
  return { dir, paths, odd };
}

/** Bytes of content that are kept until they are asked for: the files of a release, a big one among them. */
const MOST_KEPT = 64 * 1024 * 1024;

/** Takes the checksum of each file; `isNew` tells which contents will be asked for again, by checksum. */
export function readFiles(
  { dir, paths, odd }: FolderListing,
  finalFrom: number,
  isNew: (checksum: string) => boolean,
): MigrationFolder {
  const include = includeFrom(dir);
  const kept = new Map<string, Uint8Array>();
  let bytes = 0;
  const reader = new FileReader();
  const unreadable = new Map<string, string>();
  const read = (file: string) => {
    const reason = unreadable.get(file);
    if (reason !== undefined) throw cannotRead(file, reason);
    return normalise(readFileSync(paths.get(file) ?? join(dir, file)));
  };
  const files = [...paths].map(([file, path]): FileFact => {
    const name = parseName(file, finalFrom);
    const refused = (reason: string): FileFact => {
      unreadable.set(file, reason);
      return { name, checksum: undefined, unreadable: reason };
    };
    try {
      if (odd.has(file) && !statSync(path).isFile()) return refused('not a file');
      const content = normalise(reader.read(path));
      const sum = checksumOf(file, content, include);
      if (bytes + content.length <= MOST_KEPT && isNew(sum)) {
        kept.set(file, reader.own(content));
        bytes += content.length;
      }
      return { name, checksum: sum, unreadable: undefined };
    } catch (error) {
      return refused(reasonOf(error));
    }
  });
  const readChecked = (file: string, expected: string | undefined) => {
    const known = kept.get(file);
    if (known !== undefined) {
      kept.delete(file);
      return known;
    }
    try {
      const content = read(file);
      return checksumOf(file, content, include) === expected ? content : undefined;
    } catch {
      return undefined;
    }
  };
  return { dir, files, read, readChecked, include };
}

/** Room for a file of ordinary size (bytes). */
const SCRATCH_BYTES = 256 * 1024;

/**
 * Reads one file after the other into the same memory: the next call overwrites what this one returned. With thousands
 * of applied files, new memory for each is most of what a run that finds nothing to do would pay for.
 */
class FileReader {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** The same bytes, safe from the next call. */
  own(content: Uint8Array): Uint8Array {
    return content.buffer === this.#scratch.buffer ? Buffer.from(content) : content;
  }

  read(path: Buffer | string): Buffer {
    const handle = openSync(path, 'r');
    try {
      let length = 0;
      for (;;) {
        const count = readSync(handle, this.#scratch, length, SCRATCH_BYTES - length, null);
        if (count === 0) return this.#scratch.subarray(0, length);
        length += count;
        if (length === SCRATCH_BYTES) return readFileSync(path);
      }
    } finally {
      closeSync(handle);
    }
  }
}

/** A file that includes others is known by their content too: they are what it does. */
function checksumOf(file: string, content: Uint8Array, include: ReadInclude): string {
  if (
    content.indexOf(BACKSLASH) < 0 ||
    !Buffer.from(content.buffer, content.byteOffset, content.length).includes('\\i')
  ) {
    return checksum(content);
  }
  const { includes } = expand(file, content, include);
  if (includes.length === 0) return checksum(content);
  const digest = createHash('sha256').update(content);
  for (const part of includes) digest.update(`\0${part.file}\0`).update(part.text);
  return digest.digest('hex');
}

function list(
  root: string,
  dir: Buffer | string,
  prefix: string,
  paths: Map<string, Buffer | string>,
  odd: Set<string>,
): void {
  for (const entry of entriesOf(dir, root)) {
    const name = typeof entry.name === 'string' ? entry.name : textName(entry.name);
    const path =
      typeof dir === 'string' && typeof entry.name === 'string'
        ? dir + sep + name
        : Buffer.concat([dir, sep, entry.name].map((part) => Buffer.from(part as string)));
    if (entry.isDirectory()) {
      if (name !== 'node_modules') list(root, path, `${prefix}${name}/`, paths, odd);
    } else if (/\.sql$/i.test(name)) {
      if (paths.has(prefix + name)) throw sameName(prefix + name);
      paths.set(prefix + name, path);
      if (!entry.isFile()) odd.add(prefix + name);
    }
  }
}

/** The entries of a folder; their names are bytes where one of them is not UTF-8. */
function entriesOf(dir: Buffer | string, root: string): Dirent<string>[] | Dirent<Buffer>[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries;
    return readdirSync(dir, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const message = code === 'ENOENT' ? `no such folder: ${dir}` : `cannot list ${dir}: ${reasonOf(error)}`;
    const hint =
      dir === root ? 'Name the folder of numbered SQL files with --dir.' : 'Check the permissions of the folder.';
    throw new AishaError('usage', message, { hint, cause: error });
  }
}

/** A name as text: bytes that are no UTF-8 are written as \xHH, so that every file has a name that can be shown. */
function textName(raw: Buffer): string {
  if (isUtf8(raw)) return raw.toString('utf8');
  return [...raw]
    .map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`))
    .join('');
}

function cannotRead(file: string, reason: string): AishaError {
  return new AishaError('usage', `${file} cannot be read: ${reason}`, {
    hint: 'Check its permissions, or where the link points.',
  });
}

/** A name may hold the very characters that stand for a byte of another one. */
function sameName(file: string): AishaError {
  return new AishaError(
    'usage',
    `two files would be called ${file}: one by its letters, one by a byte that is no UTF-8`,
    {
      hint: 'Rename one of them, so that the ledger can tell them apart.',
    },
  );
}

/** Files that `\i` and `\ir` may read: inside the folder, links resolved. */
function includeFrom(dir: string): ReadInclude {
  return (name, from, relativeToFile) => {
    const root = realpathSync(dir);
    const path = resolve(relativeToFile ? dirname(join(root, from)) : root, name);
    try {
      const real = realpathSync(path);
      const file = relative(root, real);
      if (file === '..' || file.startsWith(`..${sep}`) || isAbsolute(file))
        return { problem: `${name} lies outside of the folder` };
      // Nobody may ever write to a pipe: reading it would wait for ever, and hear no signal.
      if (!statSync(real).isFile()) return { problem: `cannot include ${name}: not a file` };
      return { file: file.split(sep).join('/'), text: normalise(readFileSync(real)) };
    } catch (error) {
      return { problem: `cannot include ${name}: ${reasonOf(error)}` };
    }
  };
}

/** The system's reason in words: no such file, permission denied. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'ELOOP') return 'a circle of links';
  if (code === 'ENOTDIR') return 'not a folder';
  return messageOf(error);
}

/** True for a folder that exists and can be read. */
export function isFolder(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
