import { quoteIdentifier } from '../../postgres/quote.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} set log_min_duration_statement = '10min'`);
  },
  async bad(db) {
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} reset log_min_duration_statement`);
    return ['info setting log_min_duration_statement'];
  },
  async cure(db) {
    await db.superQuery(`alter database ${quoteIdentifier(db.name)} set log_min_duration_statement = '10min'`);
  },
};
