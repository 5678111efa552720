import { randomBytes } from 'node:crypto';
import type { StoredBackup } from '../backup/store.ts';
import { DATABASE, prepareServer, startServer, type VerifyWorld } from '../backup/verify-restore.ts';
import type { ScratchServer } from '../postgres/scratch-server.ts';
import { serverUrl } from '../postgres/server-url.ts';
import { Session } from '../postgres/session.ts';
import { resolveTarget, type Target } from '../postgres/target.ts';
import { ownRoleSql } from './access-sql.ts';
import { fillCopy, runAsAdmin } from './fill-copy.ts';
import type { Origin } from './origin.ts';

/** A database that is a backup restored, and that this program alone uses. */
export interface Copy {
  /** As the role that migrates the database. */
  readonly target: Target;
  /** The same as a connection string, password included. */
  readonly url: string;
  /** A session of the server's superuser, who is nobody's role in the copy. */
  readonly admin: Session;
  readonly serverVersion: string;
  readonly restoreMs: number;
  /** What is not as it was: extensions that are stubs. */
  readonly notes: readonly string[];
  /** The rehearsal has come to its end: a copy that is to stay is let stay. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Restores a backup into a scratch server that listens on no network, with the role that migrates it; whatever could
 * reach out of the copy is replaced by stubs that write down who called them.
 * @throws AishaError (backup) when it cannot be restored; (tool) without server programs or pg_restore
 */
export async function makeCopy(backup: StoredBackup, origin: Origin, world: VerifyWorld): Promise<Copy> {
  const { manifest } = backup;
  world.info(`restoring ${manifest.id} into a scratch server`);
  const server = await startServer(manifest, world);
  try {
    const omissions = await prepareServer(server, manifest, world.signal);
    const admin = await openAdmin(server);
    const database = resolveTarget({ databaseUrl: server.url(DATABASE), env: {} });
    const { restoreMs, notes } = await fillCopy(backup, database, admin, omissions, world);
    const password = randomBytes(18).toString('base64url');
    await runAsAdmin(admin, ownRoleSql(origin, DATABASE, password));
    const url = serverUrl(server.host, server.port, origin.role, password, DATABASE);
    return {
      target: resolveTarget({ databaseUrl: url, env: {} }),
      url,
      admin,
      serverVersion: server.version,
      restoreMs,
      notes: [...notes, ...superuserNote(origin)],
      finish: async () => {},
      close: async () => {
        await admin.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Nothing holds a superuser back. */
export function superuserNote({ role, superuser }: Origin): string[] {
  return superuser ? [`${role} is a superuser: what it starts with COPY ... PROGRAM is not kept in the copy`] : [];
}

function openAdmin(server: ScratchServer): Promise<Session> {
  const target = resolveTarget({ databaseUrl: server.url(DATABASE), env: {} });
  return Session.open(target, { applicationName: 'aisha-db rehearse', settings: { search_path: '' } });
}
