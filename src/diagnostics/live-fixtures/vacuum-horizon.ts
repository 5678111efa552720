import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: null, warning: 'age >= 3' } },
  async lookAlike(db) {
    const idle = await db.connect();
    await idle.query('begin; select 1');
  },
  async bad(db) {
    await db.query('create table t (id int)');
    const session = await db.connect();
    await session.query('begin isolation level repeatable read; select 1');
    const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
    for (let n = 0; n < 5; n++) await db.query('insert into t values (1)');
    return [`warning pid ${rows[0]!.pid} (app_owner, idle in transaction)`];
  },
};
