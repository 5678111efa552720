import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

// That ssl is off where others connect from elsewhere takes a server of its own: test/diagnostics/network.pg.test.ts.
export const fixture: LiveFixture = {
  async lookAlike(db) {
    await setOldest(db, 'TLSv1.3');
  },
  async bad(db) {
    await setOldest(db, 'TLSv1.1');
    return ['warning ssl_min_protocol_version'];
  },
  async after(db) {
    await db.superQuery('alter system reset ssl_min_protocol_version');
    await db.superQuery('select pg_reload_conf()');
  },
};

/** Of the whole server: new sessions have it when the server has read it. */
async function setOldest(db: StageDatabase, version: string): Promise<void> {
  await db.superQuery(`alter system set ssl_min_protocol_version = '${version}'`);
  await db.superQuery('select pg_reload_conf()');
  for (;;) {
    const session = await db.connect(db.superUrl);
    const { rows } = await session.query<{ ssl_min_protocol_version: string }>('show ssl_min_protocol_version');
    await session.end();
    if (rows[0]!.ssl_min_protocol_version === version) return;
  }
}
