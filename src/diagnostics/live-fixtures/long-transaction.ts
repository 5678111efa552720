import type { LiveFixture } from '../stage/planter.ts';
import { busy } from '../stage/sessions.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { warning: 'seconds >= 0', critical: null } },
  async lookAlike(db) {
    const idle = await db.connect();
    await idle.query('begin');
    // A long statement by itself is another check.
    await busy(db, 'select pg_sleep(60)');
  },
  async bad(db) {
    const pid = await busy(db, 'select pg_sleep(60)', 'begin');
    return [`warning pid ${pid} (app_owner, no application name)`];
  },
};
