import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

/** Copies of databases, which other tests make, ask for checkpoints too, but not thirty at once. */
export const fixture: LiveFixture = {
  lookAlike: reset,
  async bad(db) {
    // The last one may be done before it is counted.
    for (let n = 0; n < 32; n++) await db.superQuery('checkpoint');
    return ['info checkpoints'];
  },
  cure: reset,
};

async function reset(db: StageDatabase): Promise<void> {
  const counters = db.versionNumber >= 170_000 ? 'checkpointer' : 'bgwriter';
  await db.superQuery(`select pg_stat_reset_shared('${counters}')`);
}
