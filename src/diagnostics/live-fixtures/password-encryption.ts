import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';
import { resetServer, setServer } from '../stage/server-settings.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    // Of PostgreSQL 13 the default is MD5.
    await setServer(db, 'password_encryption', 'scram-sha-256');
    await db.superQuery(`alter role ${await createRole(db, 'new')} set password_encryption = 'scram-sha-256'`);
    await db.superQuery(`alter role ${roleName(db, 'new')} set application_name = 'password_encryption=md5'`);
  },
  async bad(db) {
    const old = await createRole(db, 'old', 'nologin');
    await db.superQuery(`alter role ${old} set password_encryption = 'md5'`);
    await db.superQuery(`alter role ${old} in database ${db.name} set password_encryption = 'md5'`);
    await db.superQuery(`alter database ${db.name} set password_encryption = 'md5'`);
    return [`warning sessions of ${old}`, `warning sessions of ${old} in this database`, 'warning this database'];
  },
  async after(db) {
    await dropRoles(db, ...['new', 'old'].map((kind) => roleName(db, kind)));
    await resetServer(db, 'password_encryption');
  },
};
