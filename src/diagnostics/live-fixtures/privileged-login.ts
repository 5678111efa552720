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
    return [`warning ${root}`, `warning ${service}`];
  },
  async after(db) {
    await dropRoles(db, ...['job', 'plain', 'root', 'service'].map((kind) => roleName(db, kind)));
  },
};
