import type pg from 'pg';
import type { LiveFixture } from '../stage/planter.ts';

let idle: pg.Client;

export const fixture: LiveFixture = {
  settings: { thresholds: { info: 'seconds >= 0' } },
  async lookAlike(db) {
    const inTransaction = await db.connect();
    await inTransaction.query('begin');
  },
  async bad(db) {
    idle = await db.connect();
    await idle.query("set application_name = 'po\"ol'");
    const { rows } = await idle.query<{ pid: number }>('select pg_backend_pid() as pid');
    return [`info pid ${rows[0]!.pid} (app_owner, po"ol)`];
  },
  async cure() {
    await idle.end();
  },
};
