import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike() {},
  async bad(db) {
    await db.superQuery('create extension pg_stat_statements');
    for (let call = 0; call < 37; call++) await db.query('select 1 as "often %"');
    return ['select $1 as "often %"', '37 | '];
  },
};
