import type { LiveFixture } from '../stage/planter.ts';
import { forgetStatements, queryId } from '../stage/statements.ts';

export const fixture: LiveFixture = {
  settings: { thresholds: { info: null, warning: 'bytes_each >= 200 kB and bytes >= 500 kB' } },
  async lookAlike(db) {
    await db.superQuery('create extension pg_stat_statements');
    await db.query('select count(*) from (select n from generate_series(1, 1000) n order by -n) "in memory"');
  },
  async bad(db) {
    // Of every database: with thousands of statements, the question for them spills itself.
    await db.superQuery('select pg_stat_statements_reset()');
    const session = await db.connect();
    await session.query("set work_mem = '64kB'");
    const sorts = 'select count(*) from (select n from generate_series(1, 100000) n order by -n offset 1) "too % much"';
    for (let call = 0; call < 2; call++) await session.query(sorts);
    return [`warning query ${await queryId(db, '"too % much"')}`];
  },
  cure: forgetStatements,
};
