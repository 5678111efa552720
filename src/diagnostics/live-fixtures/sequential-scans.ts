import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  settings: {
    windowDays: 0,
    thresholds: { info: null, warning: 'rows_per_day >= 60000 and rows_per_scan >= 10000 and bytes >= 300 kB' },
  },
  async lookAlike(db) {
    await db.query(`
      create table small (id int);
      insert into small values (1);
      create table "once "" read" (id int);
      create table indexed (id int primary key);
      insert into "once "" read" select generate_series(1, 10000);
      insert into indexed select generate_series(1, 10000);
      analyze
    `);
    await read(db, 'select * from small where id = 1', 20);
    await read(db, 'select * from indexed where id = 1', 20);
    await read(db, 'select * from "once "" read" where id = 1', 2);
  },
  async bad(db) {
    await read(db, 'select * from "once "" read" where id = 1', 20);
    return ['warning public."once "" read"'];
  },
  async cure(db) {
    await db.superQuery('select pg_stat_reset_single_table_counters(\'"once "" read"\'::regclass)');
  },
};

/** A session tells of what it read when it ends, at the latest. */
async function read(db: StageDatabase, sql: string, times: number): Promise<void> {
  const session = await db.connect();
  await session.query('set max_parallel_workers_per_gather = 0');
  for (let n = 0; n < times; n++) await session.query(sql);
  await session.end();
}
