import { createHash } from 'node:crypto';
import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';

/** First key of the advisory lock: "AISM" in ASCII; beside the "AISH" and "AISW" of migrations. */
export const MAINTENANCE_LOCK = 0x4149534d;

/**
 * Takes the lock of maintenance for as long as the session lives: two runs never work side by side. Asked once: a cron
 * job that comes while the last one runs has nothing to wait for.
 * @throws AishaError (lock), one line that names the other run
 */
export async function lockMaintenance(session: Session, schema: string): Promise<void> {
  const key = maintenanceKey(schema);
  const [row] = await session.query<{ got: boolean; holder: string | null }>(
    `select pg_catalog.pg_try_advisory_lock($1, $2) as got, (
       select format('pid %s, role %s%s, since %s', l.pid, a.usename, ', ' || nullif(a.application_name, ''),
         to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SSOF'))
       from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
       where l.locktype = 'advisory' and l.granted and l.objsubid = 2
         and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid and l.pid <> pg_catalog.pg_backend_pid()
         and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
       limit 1) as holder`,
    [MAINTENANCE_LOCK, key],
  );
  if (row!.got) return;
  throw new AishaError('lock', `maintenance of this database runs already: ${row!.holder ?? 'its session just ended'}`);
}

/** Second key of the lock: the schema of the ledger. */
export function maintenanceKey(schema: string): number {
  return createHash('sha256').update(schema).digest().readUInt32BE(0) & 0x7fffffff;
}
