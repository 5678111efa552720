import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { isInitialised } from './initialise.ts';
import { canReach, chooseServerUser, ownerOf } from './server-user.ts';

/** Data of root's projects that the server's user cannot reach where they are, as below /root. */
const ROOT_DATA_HOME = '/var/lib/aisha-db';

/** The files of a project's private server. */
export interface Home {
  readonly dataDir: string;
  /** Held while the server is looked for, started or stopped. */
  readonly lock: string;
  /** One file per run that uses the server; those of dead processes count for nothing. */
  readonly users: string;
  readonly passwordFile: string;
  /** The port of the last time, so that URLs noted elsewhere stay valid. */
  readonly portFile: string;
}

/**
 * Makes the folder, if there is none.
 *
 * @throws AishaError (usage) when it belongs to another user.
 */
export function openHome(stateDir: string): Home {
  const folder = join(stateDir, 'postgres');
  return ownedByUs(folder, () => {
    const users = join(folder, 'users');
    mkdirSync(users, { recursive: true });
    accessSync(folder, constants.W_OK);
    return {
      dataDir: chooseDataDir(folder),
      lock: join(folder, 'lock'),
      users,
      passwordFile: join(folder, 'password'),
      portFile: join(folder, 'port'),
    };
  });
}

/**
 * The superuser's password; a new one as long as there are no data.
 *
 * @throws AishaError (usage) when it is lost.
 */
export function readOrMakePassword(home: Home): string {
  const known = ownedByUs(home.passwordFile, () => readIfThere(home.passwordFile))?.trim();
  if (known) return known;
  if (isInitialised(home.dataDir)) {
    throw new AishaError('usage', `the private server's password file ${home.passwordFile} is missing`, {
      hint: `Restore it, or remove ${home.dataDir} together with all data in it.`,
    });
  }
  const password = randomBytes(24).toString('base64url');
  replaceFile(home.passwordFile, `${password}\n`);
  return password;
}

/** The port that the server had last time. */
export function rememberedPort(home: Home): number | 'free' {
  const port = Number(readIfThere(home.portFile));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 'free';
}

export function rememberPort(home: Home, port: number): void {
  replaceFile(home.portFile, `${port}\n`);
}

function chooseDataDir(folder: string): string {
  const dataDir = join(folder, 'data');
  const user = chooseServerUser(ownerOf(dataDir));
  if (canReach(user, folder)) return dataDir;
  const project = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 16);
  const elsewhere = join(ROOT_DATA_HOME, project);
  mkdirSync(elsewhere, { recursive: true });
  for (const path of [ROOT_DATA_HOME, elsewhere]) chmodSync(path, 0o755);
  return join(elsewhere, 'data');
}

function ownedByUs<T>(folder: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new AishaError('usage', `the private server's folder ${folder} belongs to another user`, {
      cause: error,
      hint: 'Run the command as that user, or name another state folder.',
    });
  }
}

/** Writes a file for our eyes only, whole or not at all. */
function replaceFile(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
