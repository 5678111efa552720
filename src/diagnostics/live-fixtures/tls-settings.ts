import type { LiveFixture } from '../stage/planter.ts';
import { resetServer, setServer } from '../stage/server-settings.ts';

// That ssl is off where others connect from elsewhere takes a server of its own: test/diagnostics/network.pg.test.ts.
export const fixture: LiveFixture = {
  async lookAlike(db) {
    await setServer(db, 'ssl_min_protocol_version', 'TLSv1.3');
  },
  async bad(db) {
    await setServer(db, 'ssl_min_protocol_version', 'TLSv1.1');
    return ['warning ssl_min_protocol_version'];
  },
  async after(db) {
    await resetServer(db, 'ssl_min_protocol_version');
  },
};
