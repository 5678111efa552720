import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: 'percent <= 100 and bytes_read >= 5 MB' } },
  async lookAlike(db) {
    await db.superQuery('select pg_stat_reset()');
    await db.query('select count(*) from pg_class');
  },
  async bad(db) {
    // What a copy of a database reads has never been in memory: the whole catalog, once.
    const session = await db.connect();
    await session.query("create table t (a text); insert into t select repeat('x', 900) from generate_series(1, 9000)");
    await session.query('vacuum full t');
    await session.query('select count(*) from t');
    await session.end();
    return ['info database'];
  },
  async cure(db) {
    await db.superQuery('select pg_stat_reset()');
  },
};
