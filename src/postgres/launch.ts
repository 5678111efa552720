import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, fchownSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { readPostmasterFile, STOP_AT_ONCE, type Stoppable, stopPostmaster } from './postmaster.ts';
import type { ServerBinaries } from './server-binaries.ts';
import { type ServerUser, spawnAs } from './server-user.ts';

export interface LaunchOptions {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly dataDir: string;
  /** Empty for none. */
  readonly socketDir: string;
  readonly port: number;
  /** Listens on 127.0.0.1 as well as on the socket. */
  readonly tcp: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly timeoutMs: number;
}

/**
 * Starts the server of a data folder and waits until it takes connections.
 *
 * @throws AishaError (tool) with the last lines of the log when it ends or does not become ready in time.
 */
export async function launch(options: LaunchOptions): Promise<Stoppable> {
  const child = spawnServer(options);
  const pid = child.pid;
  if (pid === undefined) throw await spawnFailure(child, options);
  // Signals go through the handle, which knows whether this very process is gone.
  const server: Stoppable = { pid, send: (signal) => child.kill(signal) };
  const problem = await waitUntilReady(child, options);
  if (problem === undefined) return server;
  await stopPostmaster(server, STOP_AT_ONCE);
  throw notStarted(options, problem);
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;

function spawnServer(options: LaunchOptions): ChildProcess {
  // A server that a killed run has just begun to start writes to the same file: neither over the other's lines.
  const log = openSync(options.logFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
  try {
    if (options.user) fchownSync(log, options.user.uid, options.user.gid);
    const child = spawn(join(options.binaries.binDir, 'postgres'), serverArguments(options), {
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      // Its own session: Ctrl-C in the terminal is for us, who still need the server to undo what we were doing.
      detached: true,
      stdio: ['ignore', log, log],
      ...spawnAs(options.user),
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

function serverArguments(options: LaunchOptions): readonly string[] {
  const settings = {
    listen_addresses: options.tcp ? '127.0.0.1' : '',
    // A list of folders: quoted, since a path may hold a comma.
    unix_socket_directories: options.socketDir && `"${options.socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    logging_collector: 'off',
    log_destination: 'stderr',
    ...options.settings,
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', options.dataDir, '-p', String(options.port), ...pairs];
}

/** `undefined` once the server says in postmaster.pid that it is ready; else what went wrong. */
async function waitUntilReady(child: ChildProcess, options: LaunchOptions): Promise<string | undefined> {
  const deadline = Date.now() + options.timeoutMs;
  while (Date.now() < deadline) {
    const file = readPostmasterFile(options.dataDir);
    if (file?.pid === child.pid && file?.status === 'ready') return undefined;
    if (child.exitCode !== null || child.signalCode !== null) {
      return `it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`;
    }
    await sleep(10);
  }
  return `it was not ready after ${options.timeoutMs / 1000} s`;
}

function spawnFailure(child: ChildProcess, options: LaunchOptions): Promise<AishaError> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(options, error.message)));
  });
}

function notStarted(options: LaunchOptions, problem: string): AishaError {
  return new AishaError('tool', `the PostgreSQL server on ${options.dataDir} did not start: ${problem}`, {
    hint: 'Read the last lines of its log below.',
    details: lastLines(options.logFile, 15),
  });
}

function lastLines(file: string, count: number): readonly string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count);
  } catch {
    return [];
  }
}
