import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/postgres/free-port.ts';
import { giveTo, makeScratchFolder } from '../../src/postgres/scratch-folder.ts';
import { chooseServerUser, type ServerUser, spawnAs } from '../../src/postgres/server-user.ts';
import { testServer } from './server.ts';

export interface PgBouncerOptions {
  readonly mode: 'transaction' | 'session' | 'statement';
  /** Further lines of the section [pgbouncer]. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A pooler in front of the shared server. */
export interface PgBouncer {
  readonly host: string;
  readonly port: number;
  /** The same URL through the pooler. */
  through(url: string): string;
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

const MISSING = 'PgBouncer is not installed: run `apt-get install --no-install-recommends pgbouncer`.';

/**
 * One sentence for the report when the test must be skipped, as in `skip(pgbouncerMissing() !== undefined,
 * pgbouncerMissing())`. Where CI is set nothing is skipped: the test runs and fails with that sentence.
 */
export function pgbouncerMissing(): string | undefined {
  return process.env['CI'] || findProgram() ? undefined : MISSING;
}

/** Starts PgBouncer for app_owner, app_reader and the superuser of the shared server, on a free port. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const program = findProgram();
  if (program === undefined) throw new Error(MISSING);
  const port = await freePort();
  const user = chooseServerUser();
  const folder = makeScratchFolder(user);
  writeConfiguration(folder, port, options, user);
  const child = spawn(program, ['-q', join(folder, 'pgbouncer.ini')], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...spawnAs(user),
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilListening(child, port, () => output);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: '127.0.0.1', port, through: (url) => withPort(url, port), log: () => output, stop };
}

/** Its files belong to the server's user: PgBouncer refuses to run as root. */
function writeConfiguration(
  folder: string,
  port: number,
  options: PgBouncerOptions,
  user: ServerUser | undefined,
): void {
  const server = testServer();
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    admin_users: server.superuser,
    pool_mode: options.mode,
    max_client_conn: '200',
    ...options.settings,
  };
  const users = { app_owner: server.password, app_reader: server.password, [server.superuser]: server.superPassword };
  const files = {
    'pgbouncer.ini': [
      '[databases]',
      `* = host=${server.host} port=${server.port}`,
      '[pgbouncer]',
      ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    ],
    // Passwords in plain text: only so can it log in to the server with SCRAM in their name.
    'users.txt': Object.entries(users).map(([name, password]) => `"${name}" "${password}"`),
  };
  for (const [name, lines] of Object.entries(files)) {
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`, { mode: 0o600 });
    giveTo(user, join(folder, name));
  }
}

function findProgram(): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ];
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path));
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(port);
  return changed.href;
}

async function waitUntilListening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline && child.exitCode === null) {
    if (await isListening(port)) return;
    await sleep(20);
  }
  throw new Error(`PgBouncer did not start:\n${log()}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** SIGTERM is PgBouncer's immediate shutdown. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
