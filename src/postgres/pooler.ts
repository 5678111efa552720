import { AishaError } from '../errors.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/**
 * Refuses addresses that say themselves what they are: a transaction pooler hands each transaction to another server
 * session, so that locks, settings and prepared work of a session are lost or land with someone else.
 * @throws AishaError (connection)
 */
export function refusePoolerAddress(target: Target): void {
  const byHost = /(^|[.-])pooler\./.test(target.host) && target.port !== 5432;
  if (!target.isPoolerUrl && !byHost) return;
  // Only `pgbouncer=true` makes a pooler of the port of PostgreSQL itself.
  const message =
    target.port === 5432 || (target.port !== 6543 && !byHost)
      ? `the address of ${target.host}:${target.port} says pgbouncer=true: a transaction pooler`
      : `port ${target.port} of ${target.host} is a transaction pooler`;
  throw refusal(target, message);
}

/**
 * Proves that two sessions are sessions. A direct connection shows it for nothing: the process it announced at log-in
 * is the one that answers. Otherwise something stands between, and the two are watched: if they ever meet in one
 * server process, or one of them changes its process, transactions are being pooled.
 * @throws AishaError (connection)
 */
export async function refusePooledSessions(target: Target, first: Session, second: Session): Promise<void> {
  const pids: [Set<number>, Set<number>] = [new Set(), new Set()];
  for (let round = 0; round < 3; round++) {
    pids[0].add(await backendPid(first));
    pids[1].add(await backendPid(second));
    if (round === 0 && pids[0].has(first.announcedPid) && pids[1].has(second.announcedPid)) return;
  }
  const meet = [...pids[0]].some((pid) => pids[1].has(pid));
  if (meet || pids[0].size > 1 || pids[1].size > 1) {
    throw refusal(target, `${target.host}:${target.port} does not keep a session: a transaction pooler stands between`);
  }
}

/** The server process that answers this session. */
export async function backendPid(session: Session): Promise<number> {
  const [row] = await session.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid');
  return row!.pid;
}

function refusal(target: Target, message: string): AishaError {
  const hosted = /(^|\.)supabase\.(co|com)$/.test(target.host);
  const hint = hosted
    ? `Use the session port of the same host, ${target.host}:5432, or the project's direct address db.PROJECT-REF.supabase.co:5432.`
    : 'Connect to PostgreSQL itself, or to a pooler in session mode: the address is usually the same host with port 5432.';
  return new AishaError('connection', message, { hint });
}
