import { quoteIdentifier } from '../../postgres/quote.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} connection limit 90`);
  },
  async bad(db) {
    await db.query('select 1');
    await db.connect();
    await db.connect();
    // With the superuser who says so and the check itself, five.
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} connection limit 6`);
    return [`warning database ${db.name}`];
  },
  async cure(db) {
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} connection limit -1`);
  },
};
