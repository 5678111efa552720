import type pg from 'pg';
import type { LiveFixture } from '../stage/planter.ts';

const sessions: pg.Client[] = [];

export const fixture: LiveFixture = {
  // All of a test comes from the server's own machine.
  settings: { thresholds: { warning: 'sessions >= 4' } },
  async lookAlike(db) {
    await db.query('select 1');
  },
  async bad(db) {
    for (let count = 0; count < 4; count++) sessions.push(await db.connect());
    const [row] = await db.query<{ address: string }>('select host(inet_client_addr()) as address');
    return [`warning app_owner from ${row!.address}`];
  },
  async cure() {
    for (const session of sessions) await session.end();
  },
};
