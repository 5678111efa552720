import { randomBytes } from 'node:crypto';
import { AishaError } from '../errors.ts';
import { runAtExit } from './exit-cleanup.ts';
import { freePort } from './free-port.ts';
import { initialiseDataFolder, isInitialised } from './initialise.ts';
import { type LaunchOptions, launch } from './launch.ts';
import { STOP_AT_ONCE, STOP_CLEANLY, type Stoppable, stopPostmaster, stopPostmasterSync } from './postmaster.ts';
import { type Place, preparePlace } from './scratch-place.ts';
import { findServerBinaries, type ServerBinaries } from './server-binaries.ts';
import { askVersion, serverUrl } from './server-url.ts';
import { chooseServerUser, ownerOf, type ServerUser } from './server-user.ts';

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
  const place = preparePlace(options.dataDir, options.tcp ?? true, user);
  try {
    const access = await prepareData(options, place, user, binaries);
    const running = await launchOnPort(options, place, user, binaries);
    return await describe(options, place, running, access);
  } catch (error) {
    place.remove();
    throw error;
  }
}

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
