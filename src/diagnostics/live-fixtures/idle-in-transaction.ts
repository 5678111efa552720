import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { warning: 'seconds >= 0', critical: null } },
  async lookAlike(db) {
    const idle = await db.connect();
    await idle.query('select 1');
  },
  async bad(db) {
    const session = await db.connect(db.url);
    await session.query("set application_name = 'for;got''ten'");
    await session.query('begin isolation level repeatable read; select 1');
    const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
    return [`warning pid ${rows[0]!.pid} (app_owner, for;got'ten)`];
  },
};
