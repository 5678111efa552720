import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { AishaError } from '../errors.ts';
import { withFileLock } from './crash-safe-lock.ts';
import { type Home, openHome, readOrMakePassword, rememberedPort, rememberPort } from './embedded-home.ts';
import {
  findPostmaster,
  type Postmaster,
  readPostmasterFile,
  STOP_CLEANLY,
  stopPostmaster,
  stoppable,
} from './postmaster.ts';
import { isIdentityRunning, processIdentity } from './process-identity.ts';
import { isPortTaken, startScratchServer } from './scratch-server.ts';
import { askVersion, serverUrl } from './server-url.ts';

export interface EmbeddedServerOptions {
  /** The project's state folder; the server lives in its sub-folder `postgres`. */
  readonly stateDir: string;
}

/** The project's private server, as a target to connect to. */
export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `15.18` */
  readonly version: string;
  /** False when it ran already. */
  readonly started: boolean;
  /** Says that this run is done with it; the last run to say so stops the server. */
  release(): Promise<void>;
}

const HOST = '127.0.0.1';
const USER = 'postgres';
const DATABASE = 'aisha';

/** How long a server that was killed may take to recover or to give way, in milliseconds. */
const SETTLE_TIMEOUT_MS = 120_000;

/** SQLSTATE of a database that does not exist. */
const INVALID_CATALOG_NAME = '3D000';

/**
 * Joins the runs that use the project's private server, starting it if it does not run. Data survive; the server does
 * not outlive its last user, unless that one is killed: then the next run takes over what is left.
 *
 * @throws AishaError (tool) when there are no server programs or the server does not start; (usage) when the folder
 *   belongs to another user; (lock) when another run starts or stops the server for too long.
 */
export async function useEmbeddedServer({ stateDir }: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const home = openHome(resolve(stateDir));
  const entry = join(home.users, `${process.pid}-${randomBytes(4).toString('hex')}`);
  const server = await withFileLock(home.lock, () => enter(home, entry));
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= withFileLock(home.lock, () => leave(home, entry));
    return released;
  };
  return { ...server, host: HOST, user: USER, database: DATABASE, release };
}

type Found = Pick<EmbeddedServer, 'port' | 'password' | 'version' | 'started'>;

async function enter(home: Home, entry: string): Promise<Found> {
  const password = readOrMakePassword(home);
  writeFileSync(entry, processIdentity(process.pid) ?? '');
  try {
    const { port, started } = await findOrStart(home, password);
    return { port, password, version: await openDatabase(port, password), started };
  } catch (error) {
    await leave(home, entry);
    throw error;
  }
}

async function leave(home: Home, entry: string): Promise<void> {
  rmSync(entry, { force: true });
  if (isInUse(home)) return;
  const postmaster = findPostmaster(home.dataDir);
  if (postmaster) await stopPostmaster(stoppable(postmaster.pid, home.dataDir), STOP_CLEANLY);
}

/** Whether a living run uses the server; the marks of dead ones are removed. */
function isInUse(home: Home): boolean {
  const marks = readdirSync(home.users).map((name) => join(home.users, name));
  const dead = marks.filter((mark) => !isIdentityRunning(readFileSync(mark, 'utf8')));
  for (const mark of dead) rmSync(mark, { force: true });
  return marks.length > dead.length;
}

async function findOrStart(home: Home, password: string): Promise<{ port: number; started: boolean }> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const running = await findSettled(home, deadline);
    if (running !== undefined) return { port: running.port, started: false };
    try {
      return { port: await start(home, password), started: true };
    } catch (error) {
      if (!isGivingWay(error) || Date.now() > deadline) throw error;
      await sleep(250);
    }
  }
}

/** The server that runs, once it has done starting; `undefined` once it is known that none does. */
async function findSettled(home: Home, deadline: number): Promise<Postmaster | undefined> {
  for (;;) {
    const postmaster = findPostmaster(home.dataDir);
    if (postmaster === undefined || postmaster.status === 'ready') return postmaster;
    if (Date.now() > deadline) {
      throw new AishaError('tool', `the private server (process ${postmaster.pid}) stays "${postmaster.status}"`, {
        hint: `Read ${join(home.dataDir, 'server.log')}.`,
      });
    }
    await sleep(25);
  }
}

async function start(home: Home, password: string): Promise<number> {
  removeStalePidFile(home);
  const options = { dataDir: home.dataDir, durable: true, password, superuser: USER, stopAtExit: false };
  const { port } = await startScratchServer({ ...options, port: rememberedPort(home) }).catch((error) => {
    if (!isPortTaken(error)) throw error;
    return startScratchServer({ ...options, port: 'free' });
  });
  rememberPort(home, port);
  return port;
}

/**
 * PostgreSQL ignores the file of a dead server by itself, but not when the pid has since gone to another process of the
 * same user: then it would refuse to start.
 */
function removeStalePidFile(home: Home): void {
  const stale = readPostmasterFile(home.dataDir) !== undefined && findPostmaster(home.dataDir) === undefined;
  if (stale) rmSync(join(home.dataDir, 'postmaster.pid'), { force: true });
}

/**
 * True for what passes by itself: sessions of a killed server that have not noticed yet, or a server that a killed run
 * had just begun to start.
 */
function isGivingWay(error: unknown): boolean {
  const signs = ['is still in use', 'lock file "postmaster.pid" already exists', 'lock file "postmaster.pid" is empty'];
  return error instanceof AishaError && error.details.some((line) => signs.some((sign) => line.includes(sign)));
}

/** Makes the database when it is not there, and returns the server's version. */
async function openDatabase(port: number, password: string): Promise<string> {
  const url = (database: string) => serverUrl(HOST, port, USER, password, database);
  try {
    return await askVersion(url(DATABASE));
  } catch (error) {
    if ((error as pg.DatabaseError).code !== INVALID_CATALOG_NAME) throw error;
  }
  const client = new pg.Client({ connectionString: url('postgres') });
  await client.connect();
  try {
    await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
  return askVersion(url(DATABASE));
}
