import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AishaError } from '../errors.ts';
import { giveTo, makeScratchFolder } from './scratch-folder.ts';
import type { ServerBinaries } from './server-binaries.ts';
import { type ServerUser, spawnAs } from './server-user.ts';

export interface InitialiseOptions {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  /** Must not exist; its parent must. */
  readonly dataDir: string;
  readonly superuser: string;
  readonly password: string;
  readonly durable: boolean;
}

/**
 * Makes a data folder: UTF8, locale C, passwords (SCRAM) for every connection. The folder gets its name at the very
 * end, so that a run killed half-way leaves nothing that looks complete.
 *
 * @throws AishaError (tool) with what initdb said.
 */
export async function initialiseDataFolder(options: InitialiseOptions): Promise<void> {
  removeDrafts(options.dataDir);
  const draft = `${options.dataDir}.new-${process.pid}`;
  mkdirSync(draft, { mode: 0o700 });
  giveTo(options.user, draft);
  try {
    await withPasswordFile(options, (file) => runInitdb(options, draft, file));
    renameSync(draft, options.dataDir);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** True when the data folder has been made; the file holds the server's major version. */
export function isInitialised(dataDir: string): boolean {
  return existsSync(join(dataDir, 'PG_VERSION'));
}

/** Of runs that were killed; their initdb may still be writing and then ends by itself. */
function removeDrafts(dataDir: string): void {
  for (const name of readdirSync(dirname(dataDir)).filter((entry) => entry.startsWith(`${basename(dataDir)}.new-`))) {
    rmSync(join(dirname(dataDir), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Other users of the machine can read the arguments of a program, so the password travels in a file. */
async function withPasswordFile(options: InitialiseOptions, use: (file: string) => Promise<void>): Promise<void> {
  const folder = makeScratchFolder(options.user);
  try {
    const file = join(folder, 'password');
    writeFileSync(file, `${options.password}\n`, { mode: 0o600 });
    giveTo(options.user, file);
    await use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runInitdb(options: InitialiseOptions, dataDir: string, passwordFile: string): Promise<void> {
  const { binaries, user, superuser, durable } = options;
  const args = [
    `--pgdata=${dataDir}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--locale=C',
    '--auth-local=scram-sha-256',
    '--auth-host=scram-sha-256',
    ...(durable ? [] : ['--no-sync']),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(join(binaries.binDir, 'initdb'), args, {
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...spawnAs(user),
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(
        new AishaError('tool', `initdb could not make the data folder ${options.dataDir} (${signal ?? code})`, {
          hint: 'Read what initdb says below; often the disk is full or the folder belongs to someone else.',
          details: output.trim().split('\n').slice(-10),
        }),
      );
    });
  });
}
