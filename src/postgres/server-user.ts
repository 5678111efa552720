import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AishaError } from '../errors.ts';

/** The user of the operating system that a server runs as. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whom a server started by this process must run as; `undefined` for whoever runs us. PostgreSQL refuses to run as
 * root (`postgres` and `initdb` both check), so root takes the owner of the existing data folder, else `postgres`,
 * else `nobody`, else the first user that the kernel lets us become (a container may map only some).
 *
 * @throws AishaError (tool) when there is no such user.
 */
export function chooseServerUser(dataFolderOwner?: number): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readUsers().filter((user) => user.uid !== 0);
  const chosen = inOrderOfPreference(users, dataFolderOwner).find(canBecome);
  if (chosen === undefined) throw noUser(dataFolderOwner);
  return chosen;
}

/** What child_process.spawn needs to start a program as that user. */
export function spawnAs(user: ServerUser | undefined): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

/** The uid that a data folder belongs to; `undefined` when there is none yet. */
export function ownerOf(dataDir: string | undefined): number | undefined {
  return dataDir === undefined ? undefined : statSync(dataDir, { throwIfNoEntry: false })?.uid;
}

/** Whether the user may walk down to the folder: every parent, and the folder itself, lets him through. */
export function canReach(user: ServerUser | undefined, folder: string): boolean {
  if (user === undefined) return true;
  for (let path = realpathSync(folder); ; path = dirname(path)) {
    if (!maySearch(user, path)) return false;
    if (path === dirname(path)) return true;
  }
}

function maySearch(user: ServerUser, folder: string): boolean {
  const { mode, uid, gid } = statSync(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

function inOrderOfPreference(users: readonly ServerUser[], dataFolderOwner: number | undefined): readonly ServerUser[] {
  // Root's own folders are given to the server's user; anybody else's data stay his.
  if (dataFolderOwner) return users.filter((user) => user.uid === dataFolderOwner);
  const preferred = ['postgres', 'nobody'].flatMap((name) => users.filter((user) => user.name === name));
  return [...preferred, ...users];
}

/** Users with an entry in the password file: initdb and postgres look their own name up and fail without one. */
function readUsers(): readonly ServerUser[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => /^[^#:]+:[^:]*:-?\d+:-?\d+:/.test(line))
    .map((line) => {
      const [name = '', , uid, gid] = line.split(':');
      // macOS writes nobody's uid as -2.
      return { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
    });
}

function canBecome(user: ServerUser): boolean {
  return spawnSync('true', { cwd: '/', stdio: 'ignore', ...spawnAs(user) }).status === 0;
}

function noUser(dataFolderOwner: number | undefined): AishaError {
  return new AishaError(
    'tool',
    dataFolderOwner
      ? `the server cannot run as uid ${dataFolderOwner}, who owns its data folder`
      : 'no user was found that a PostgreSQL server could run as',
    { hint: 'PostgreSQL refuses to run as root: run the command as an ordinary user.' },
  );
}
