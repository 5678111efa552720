import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    await createRole(db, 'job', 'nologin superuser bypassrls');
    await createRole(db, 'plain', 'login createrole');
  },
  async bad(db) {
    const root = await createRole(db, 'root', 'login superuser');
    const service = await createRole(db, 'service', 'login bypassrls');
    // pg_write_all_data came with PostgreSQL 14.
    if (db.versionNumber < 140_000) return [`warning ${root}`, `warning ${service}`];
    const door = await createRole(db, 'door', 'nologin');
    const writer = await createRole(db, 'writer');
    await db.superQuery(`grant pg_write_all_data to ${door}; grant ${door} to ${writer}`);
    return [`warning ${root}`, `warning ${service}`, `info ${writer}`];
  },
  async after(db) {
    const kinds = ['job', 'plain', 'root', 'service', ...(db.versionNumber < 140_000 ? [] : ['door', 'writer'])];
    await dropRoles(db, ...kinds.map((kind) => roleName(db, kind)));
  },
};
