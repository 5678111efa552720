import { createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.query('create table written (id int)');
    await createRole(db, 'standby', 'nologin replication');
    const plain = await createRole(db, 'plain');
    await db.superQuery(`grant insert on written to ${plain}`);
    await createRole(db, 'root', 'login superuser replication');
  },
  async bad(db) {
    const replica = await createRole(db, 'replica', 'login replication');
    const app = await createRole(db, 'app', 'login replication');
    await db.superQuery(`grant update on written to ${app}`);
    const nested = await createRole(db, 'nested', 'login noinherit');
    const door = await createRole(db, 'door', 'nologin');
    await db.superQuery(`grant ${roleName(db, 'standby')} to ${door}; grant ${door} to ${nested}`);
    return [`info ${replica}`, `warning ${app}`, `info ${nested}`];
  },
  async after(db) {
    const kinds = ['standby', 'plain', 'root', 'replica', 'app', 'nested', 'door'];
    await dropRoles(db, ...kinds.map((kind) => roleName(db, kind)));
  },
};
