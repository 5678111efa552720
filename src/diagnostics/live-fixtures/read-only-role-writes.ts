import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    // PostgreSQL 13 and 14 let everybody create tables there.
    await db.superQuery('revoke create on schema public from public; grant all on schema public to app_owner');
    await db.query('create table "Old ""%" (id int); create table another (id int); create table third (id int)');
    const reads = await createRole(db, 'reporting', 'login');
    await db.query(`grant select on "Old ""%" to ${reads}`);
    // No part of a word: "bureau", "spread".
    const writes = await createRole(db, 'bureau_spreader', 'login');
    await db.query(`grant all on "Old ""%", another to ${writes}`);
  },
  async bad(db) {
    const byName = await createRole(db, 'crm_readonly', 'login');
    await db.query(
      `grant select, update, delete on "Old ""%", another to ${byName}; grant create on schema public to ${byName}`,
    );
    const bySetting = await createRole(db, 'board', 'login');
    await db.superQuery(`alter role ${bySetting} set default_transaction_read_only = on`);
    await db.query(`grant truncate on third to ${bySetting}`);
    return [`warning ${byName}`, `warning ${bySetting}`];
  },
  async after(db) {
    await dropRoles(db, ...['reporting', 'bureau_spreader', 'crm_readonly', 'board'].map((kind) => roleName(db, kind)));
  },
};
