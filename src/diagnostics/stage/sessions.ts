import type { StageDatabase } from './database.ts';

/** A session that runs a statement which does not end; resolves with its pid when the server says that it runs, or waits. */
export async function busy(db: StageDatabase, sql: string, before = 'select 1', waitsFor?: string): Promise<number> {
  const session = await db.connect();
  await session.query(before);
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
  const { pid } = rows[0]!;
  // It ends with an error when the test, or what it tests, ends it.
  session.query(sql).catch(() => {});
  const running = `select from pg_stat_activity where pid = ${pid} and query = $1 and state = 'active'
    and ($2::text is null or wait_event_type = $2)`;
  while ((await db.superQuery(running, [sql, waitsFor ?? null])).length === 0);
  return pid;
}
