import { setTimeout as sleep } from 'node:timers/promises';
import type { StageDatabase } from './database.ts';

/** Up to PostgreSQL 14 a collector tells, in the order in which it heard, what sessions counted: half a second later. */
export async function countersArrive(db: StageDatabase): Promise<void> {
  if (db.versionNumber >= 150_000) return;
  const session = await db.connect(db.superUrl);
  await session.query('set track_counts = on; create table last_word (id int)');
  await session.query('insert into last_word values (1)');
  await session.end();
  // Sessions that end: one that stays is idle, which a check looks for.
  const reader = await db.connect(db.superUrl);
  const seen = "select from pg_stat_user_tables where relname = 'last_word' and n_tup_ins = 1";
  while ((await reader.query(seen)).rowCount === 0) await sleep(20);
  await reader.query('drop table last_word');
  await reader.end();
}
