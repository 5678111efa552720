import type { LiveFixture } from '../stage/planter.ts';
import { busy } from '../stage/sessions.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: 'seconds >= 0', warning: null, critical: null } },
  async lookAlike(db) {
    await db.query('create table "t ""1" (id int); create table free (id int)');
    const holder = await db.connect();
    await holder.query('begin; lock table free');
    await busy(db, 'select pg_sleep(60)');
  },
  async bad(db) {
    const holder = await db.connect();
    await holder.query('begin; lock table "t ""1" in row exclusive mode');
    const first = await busy(db, 'alter table "t ""1" add extra int', 'select 1', 'Lock');
    const second = await busy(db, 'select * from "t ""1"', 'select 1', 'Lock');
    return [first, second].map((pid) => `info pid ${pid} (app_owner, no application name)`);
  },
};
