import type { LiveFixture } from '../stage/planter.ts';
import { forgetStatements, queryId } from '../stage/statements.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: null, warning: 'mean >= 20 ms and calls >= 3' } },
  async lookAlike(db) {
    await db.superQuery('create extension pg_stat_statements');
    for (let call = 0; call < 3; call++) await db.query('select 1 as quick');
    // Once is not often.
    await db.query('select pg_sleep(0.03), 1 as once');
  },
  async bad(db) {
    for (let call = 0; call < 3; call++) await db.query('select pg_sleep($1), 7 as "slow %"', [0.03]);
    return [`warning query ${await queryId(db, '"slow %"')}`];
  },
  cure: forgetStatements,
};
