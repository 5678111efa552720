import type { LiveFixture } from '../stage/planter.ts';
import { forgetStatements, queryId } from '../stage/statements.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: 'hit_percent <= 90 and bytes_read >= 500 kB' } },
  async lookAlike(db) {
    await db.superQuery('create extension pg_stat_statements');
    await db.query('create table t (a text); insert into t select n::text from generate_series(1, 100000) n');
    await forgetStatements(db);
    for (let call = 0; call < 3; call++) await db.query('select count(*) as warm from t');
  },
  async bad(db) {
    // A table that was just written anew is not in memory.
    await db.query('vacuum full t');
    await db.query('select count(*), max(a) as "cold %" from t');
    return [`info query ${await queryId(db, '"cold %"')}`];
  },
  cure: forgetStatements,
};
