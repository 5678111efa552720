import type { LiveFixture } from '../stage/planter.ts';
import { forgetStatements, queryId } from '../stage/statements.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: 'percent >= 60 and total >= 300 ms' } },
  async lookAlike(db) {
    await db.superQuery('create extension pg_stat_statements');
    await forgetStatements(db);
    await db.query('select pg_sleep(0.02), 1 as "one %"');
    await db.query('select pg_sleep(0.02), 2, 3 as "two %"');
  },
  async bad(db) {
    await db.query('select pg_sleep(0.5), 7, 8, 9 as "greedy %"');
    return [`info query ${await queryId(db, '"greedy %"')}`];
  },
  cure: forgetStatements,
};
