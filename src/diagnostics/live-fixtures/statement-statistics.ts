import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: null, warning: 'dropped >= 1' } },
  async lookAlike(db) {
    // Tests of other files on the same server may have filled it before.
    await db.superQuery('create extension pg_stat_statements; select pg_stat_statements_reset()');
  },
  async bad(db) {
    // More kinds of statements than there is room for (5000 by default): every pair of 75 columns.
    const columns = Array.from({ length: 75 }, (_, n) => `c${n} int`);
    await db.query(`
      create table wide (${columns.join(', ')});
      do $$ begin
        for a in 0..74 loop
          for b in 0..74 loop
            execute format('select c%s, c%s from wide', a, b);
          end loop;
        end loop;
      end $$
    `);
    return ['warning pg_stat_statements'];
  },
  async cure(db) {
    await db.superQuery('select pg_stat_statements_reset()');
  },
};
