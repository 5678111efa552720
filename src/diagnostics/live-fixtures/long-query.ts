import type { LiveFixture } from '../stage/planter.ts';
import { busy } from '../stage/sessions.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { warning: 'seconds >= 0', critical: null } },
  async lookAlike(db) {
    const idle = await db.connect();
    await idle.query('begin; select 1');
  },
  async bad(db) {
    const pid = await busy(db, "select pg_sleep(60), 'it''s' as slow");
    return [`warning pid ${pid} (app_owner, no application name)`];
  },
};
