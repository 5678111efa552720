import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { AishaError } from '../errors.ts';
import { runAtExit } from './exit-cleanup.ts';
import { initialiseDataFolder, isInitialised } from './initialise.ts';
import { type LaunchOptions, launch } from './launch.ts';
import { STOP_AT_ONCE, STOP_CLEANLY, type Stoppable, stopPostmaster, stopPostmasterSync } from './postmaster.ts';
import { fitsSocket, makeScratchFolder, sweepScratchFolders } from './scratch-folder.ts';
import { findServerBinaries, type ServerBinaries } from './server-binaries.ts';
import { chooseServerUser, type ServerUser } from './server-user.ts';

export interface ScratchServerOptions {
  /** Kept after `stop`; default: a temporary folder that goes with the server. */
  readonly dataDir?: string;
  readonly binaries?: ServerBinaries;
  /** Default `free`. */
  readonly port?: number | 'free';
  /** Listen on 127.0.0.1 (default), else only on a Unix socket. */
  readonly tcp?: boolean;
  /** Data survive a crash of the machine; default false, which is much faster. */
  readonly durable?: boolean;
  /** Server settings that override ours: `max_connections`, `shared_preload_libraries`, … */
  readonly settings?: Readonly<Record<string, string>>;
  readonly superuser?: string;
  /** Needed to reuse a data folder; default: a random one. */
  readonly password?: string;
  /** Stop the server when this process ends without having called `stop`; default true. */
  readonly stopAtExit?: boolean;
  /** How long the server may take to become ready, in milliseconds; default 60,000. */
  readonly timeoutMs?: number;
}

/** A private PostgreSQL server that runs. */
export interface ScratchServer {
  /** 127.0.0.1, or the folder of the socket when the server does not listen on TCP. */
  readonly host: string;
  readonly port: number;
  /** Empty when the data folder's path is too long for a socket in it. */
  readonly socketDir: string;
  readonly dataDir: string;
  /** The superuser. */
  readonly user: string;
  readonly password: string;
  /** `15.18` */
  readonly version: string;
  readonly pid: number;
  /** The connection URL of a database, password included. */
  url(database: string): string;
  stop(): Promise<void>;
}

/** The socket's name is made of it; it collides with nobody's, since the folder is private. */
const SOCKET_ONLY_PORT = 5432;

/** Ports are taken between the question and the server's start; more often than this is no coincidence. */
const PORT_ATTEMPTS = 5;

const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } as const;

/**
 * Starts a private PostgreSQL server, making its data folder if there is none. Every connection needs the password, so
 * other users of the machine cannot get in. As root the server runs as another user (`chooseServerUser`).
 *
 * @throws AishaError (tool) when there are no server programs or the server does not start.
 */
export async function startScratchServer(options: ScratchServerOptions = {}): Promise<ScratchServer> {
  const user = chooseServerUser(ownerOf(options.dataDir));
  const binaries = options.binaries ?? findServerBinaries({ user, searchPath: process.env['PATH'] });
  const place = preparePlace(options, user);
  try {
    const access = await prepareData(options, place, user, binaries);
    const running = await launchOnPort(options, place, user, binaries);
    return await describe(options, place, running, access);
  } catch (error) {
    place.remove();
    throw error;
  }
}

/** Asks a server who it is; proves that it takes connections with that password. */
export async function askVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    // Debian adds its own version after a blank.
    return rows[0]?.version.split(' ')[0] ?? '';
  } finally {
    await client.end();
  }
}

/** URL with the socket's folder as a percent-encoded host, which libpq and node-postgres both understand. */
export function serverUrl(host: string, port: number, user: string, password: string, database: string): string {
  const [encodedHost, ...parts] = [host, user, password, database].map(encodeURIComponent);
  return `postgresql://${parts[0]}:${parts[1]}@${encodedHost}:${port}/${parts[2]}`;
}

// ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Place {
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  /** Removes what is temporary of it. */
  remove(): void;
}

function preparePlace(options: ScratchServerOptions, user: ServerUser | undefined): Place {
  sweepScratchFolders(user);
  const { dataDir, tcp = true } = options;
  return dataDir === undefined ? temporaryPlace(user) : lastingPlace(resolve(dataDir), tcp, user);
}

function temporaryPlace(user: ServerUser | undefined): Place {
  const folder = makeScratchFolder(user);
  return {
    dataDir: join(folder, 'data'),
    socketDir: folder,
    logFile: join(folder, 'server.log'),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/**
 * The data folder is the one lasting folder that belongs to the server's user: socket and log lie there. A path too
 * long for a socket means none, unless the socket is all there is.
 */
function lastingPlace(dataDir: string, tcp: boolean, user: ServerUser | undefined): Place {
  mkdirSync(dirname(dataDir), { recursive: true });
  const scratch = fitsSocket(dataDir) || tcp ? undefined : makeScratchFolder(user);
  return {
    dataDir,
    socketDir: scratch ?? (fitsSocket(dataDir) ? dataDir : ''),
    logFile: join(dataDir, 'server.log'),
    remove: () => {
      if (scratch) rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function ownerOf(dataDir: string | undefined): number | undefined {
  return dataDir === undefined ? undefined : statSync(dataDir, { throwIfNoEntry: false })?.uid;
}

// ── data and process ────────────────────────────────────────────────────────────────────────────────────────────────

interface Access {
  readonly superuser: string;
  readonly password: string;
}

async function prepareData(
  options: ScratchServerOptions,
  { dataDir }: Place,
  user: ServerUser | undefined,
  binaries: ServerBinaries,
): Promise<Access> {
  const superuser = options.superuser ?? 'postgres';
  if (isInitialised(dataDir)) {
    if (options.password === undefined) {
      throw new AishaError('usage', `the data folder ${dataDir} exists and the password of its server is not known`, {
        hint: 'Give the password, or name a folder that does not exist.',
      });
    }
    return { superuser, password: options.password };
  }
  const password = options.password ?? randomBytes(24).toString('base64url');
  await initialiseDataFolder({ binaries, user, dataDir, superuser, password, durable: options.durable ?? false });
  return { superuser, password };
}

interface Running {
  readonly server: Stoppable;
  readonly port: number;
}

async function launchOnPort(
  options: ScratchServerOptions,
  place: Place,
  user: ServerUser | undefined,
  binaries: ServerBinaries,
): Promise<Running> {
  const { port = 'free', tcp = true, durable = false, settings = {}, timeoutMs = 60_000 } = options;
  for (let attempt = 1; ; attempt += 1) {
    const chosen = port === 'free' ? await choosePort(tcp) : port;
    const launchOptions: LaunchOptions = {
      binaries,
      user,
      dataDir: place.dataDir,
      socketDir: place.socketDir,
      logFile: place.logFile,
      port: chosen,
      tcp,
      settings: { ...(durable ? {} : NOT_DURABLE), ...settings },
      timeoutMs,
    };
    try {
      return { server: await launch(launchOptions), port: chosen };
    } catch (error) {
      if (port !== 'free' || attempt === PORT_ATTEMPTS || !isPortTaken(error)) throw error;
    }
  }
}

/** True when the server did not start because something else listens on its port. */
export function isPortTaken(error: unknown): boolean {
  // `could not bind IPv4 address "127.0.0.1": Address already in use`, in the locale C that the server is started with.
  return error instanceof AishaError && error.details.some((line) => line.includes('Address already in use'));
}

function choosePort(tcp: boolean): Promise<number> {
  return tcp ? freePort() : Promise.resolve(SOCKET_ONLY_PORT);
}

/** A TCP port of 127.0.0.1 that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolvePort(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function describe(
  options: ScratchServerOptions,
  place: Place,
  { server, port }: Running,
  { superuser, password }: Access,
): Promise<ScratchServer> {
  // Data that go with the server need no orderly shutdown.
  const plan = options.dataDir === undefined ? STOP_AT_ONCE : STOP_CLEANLY;
  const host = (options.tcp ?? true) ? '127.0.0.1' : place.socketDir;
  const url = (database: string) => serverUrl(host, port, superuser, password, database);
  const forget = stopAtExit(options, place, server, plan);
  const stop = async () => {
    await stopPostmaster(server, plan);
    forget();
    place.remove();
  };
  try {
    const version = await askVersion(url('postgres'));
    const { dataDir, socketDir } = place;
    return { host, port, socketDir, dataDir, user: superuser, password, version, pid: server.pid, url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function stopAtExit(options: ScratchServerOptions, place: Place, server: Stoppable, plan: typeof STOP_CLEANLY) {
  if (options.stopAtExit === false) return () => {};
  return runAtExit(() => {
    stopPostmasterSync(server, plan);
    place.remove();
  });
}
