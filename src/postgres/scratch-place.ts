import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fitsSocket, makeScratchFolder, sweepScratchFolders } from './scratch-folder.ts';
import type { ServerUser } from './server-user.ts';

/** Where a scratch server lives. */
export interface Place {
  readonly dataDir: string;
  /** Empty for no socket. */
  readonly socketDir: string;
  readonly logFile: string;
  /** Removes what is temporary of it. */
  remove(): void;
}

/** A temporary folder, or one for lasting data; clears away first what killed processes have left. */
export function preparePlace(dataDir: string | undefined, tcp: boolean, user: ServerUser | undefined): Place {
  sweepScratchFolders(user);
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
