import type { StageDatabase } from '../stage/database.ts';
import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    // Of PostgreSQL 13 the default is MD5.
    await setServer(db, 'scram-sha-256');
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
    await db.superQuery('alter system reset password_encryption');
    await db.superQuery('select pg_reload_conf()');
  },
};

async function setServer(db: StageDatabase, value: string): Promise<void> {
  await db.superQuery(`alter system set password_encryption = '${value}'`);
  await db.superQuery('select pg_reload_conf()');
  for (;;) {
    const session = await db.connect(db.superUrl);
    const { rows } = await session.query<{ password_encryption: string }>('show password_encryption');
    await session.end();
    if (rows[0]!.password_encryption === value) return;
  }
}
