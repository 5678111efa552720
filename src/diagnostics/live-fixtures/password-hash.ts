import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    // Of this database only: other tests see that it is missing.
    await db.superQuery('grant select on pg_catalog.pg_authid to app_owner');
    await db.superQuery("set password_encryption = 'scram-sha-256'");
    await createRole(db, 'new', "login password 'x'");
    await createRole(db, 'none');
    await db.superQuery("set password_encryption = 'md5'");
    await createRole(db, 'group', "nologin password 'x'");
  },
  async bad(db) {
    return [`warning ${await createRole(db, 'old', "login password 'x'")}`];
  },
  async cure(db) {
    await db.superQuery("set password_encryption = 'scram-sha-256'");
    await db.superQuery(`alter role ${roleName(db, 'old')} password 'x'`);
  },
  async after(db) {
    await dropRoles(db, ...['new', 'none', 'group', 'old'].map((kind) => roleName(db, kind)));
  },
};
