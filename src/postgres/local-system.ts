import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

/** What resolving a target asks of the machine it runs on; a test passes its own. */
export interface LocalSystem {
  readonly platform: NodeJS.Platform;
  /** Name of the operating-system user: libpq's default role. `undefined` for a user id without a name. */
  readonly userName: string | undefined;
  /** `~/.pgpass` (PostgreSQL docs 34.16). */
  readonly passfile: string;
  /** `~/.pg_service.conf` (docs 34.17). */
  readonly serviceFile: string;
  /** `~/.postgresql`: root.crt, root.crl, postgresql.crt, postgresql.key (docs 34.19). */
  readonly certificateDir: string;
  /** `undefined` when it does not exist, is no plain file or cannot be read. */
  readFile(path: string): UserFile | undefined;
  exists(path: string): boolean;
}

interface UserFile {
  readonly text: string;
  /** `st_mode`. */
  readonly mode: number;
}

/** The machine itself. */
export function localSystem(): LocalSystem {
  return {
    platform: process.platform,
    userName: readUserName(),
    ...(process.platform === 'win32' ? windowsPaths() : homePaths()),
    readFile: readUserFile,
    exists: existsSync,
  };
}

type UserPaths = Pick<LocalSystem, 'passfile' | 'serviceFile' | 'certificateDir'>;

function homePaths(): UserPaths {
  const home = homedir();
  return {
    passfile: join(home, '.pgpass'),
    serviceFile: join(home, '.pg_service.conf'),
    certificateDir: join(home, '.postgresql'),
  };
}

function windowsPaths(): UserPaths {
  const folder = join(process.env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming'), 'postgresql');
  return {
    passfile: join(folder, 'pgpass.conf'),
    serviceFile: join(folder, '.pg_service.conf'),
    certificateDir: folder,
  };
}

function readUserFile(path: string): UserFile | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() ? { text: readFileSync(path, 'utf8'), mode: stats.mode } : undefined;
  } catch {
    return undefined;
  }
}

function readUserName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container that runs as a user id without an entry in /etc/passwd.
    return undefined;
  }
}
