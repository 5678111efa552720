import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

const KINDS = [
  'reporting',
  'bureau_spreader',
  'viewers',
  'crm_readonly',
  'board',
  'ro',
  'reports',
  'writers',
  'viewer',
  'bi',
];

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
    const several = await createRole(db, 'viewers', 'nologin');
    await db.query(`grant select (id) on another to ${several}`);
    await db.superQuery(`grant ${several} to ${reads}`);
    await db.query(`
      create sequence "Old s%"; grant select on sequence "Old s%" to ${reads};
      create function sees(int) returns int stable security definer language sql as 'select 1';
      create function as_caller() returns int language sql as 'select 1';
      revoke execute on function sees, as_caller from public;
      grant execute on function sees, as_caller to ${reads};
      alter default privileges grant select on tables to ${reads}`);
  },
  async bad(db) {
    const byName = await createRole(db, 'crm_readonly', 'login');
    await db.query(
      `grant select, update, delete on "Old ""%", another to ${byName}; grant create on schema public to ${byName}`,
    );
    const bySetting = await createRole(db, 'board', 'login');
    await db.superQuery(`alter role ${bySetting} set default_transaction_read_only = yes`);
    await db.query(`grant truncate on third to ${bySetting}`);
    const byColumn = await createRole(db, 'ro', 'login');
    await db.query(`grant update (id) on another to ${byColumn}`);
    // It writes as another role, which it has to become first.
    const byMembership = await createRole(db, 'reports', 'login noinherit');
    const writers = await createRole(db, 'writers', 'nologin');
    await db.query(`grant insert on third to ${writers}`);
    await db.superQuery(`grant ${writers} to ${byMembership}; alter table another owner to ${byMembership}`);
    const bySequence = await createRole(db, 'viewer', 'login');
    await db.query(`grant usage on sequence "Old s%" to ${bySequence}`);
    const byFunction = await createRole(db, 'bi', 'login');
    await db.query(`
      create function "writes %"(text) returns int security definer language sql as 'select 1';
      revoke execute on function "writes %" from public; grant execute on function "writes %" to ${byFunction};
      alter default privileges in schema public grant insert on tables to ${byFunction}`);
    await db.superQuery(`grant create on database ${db.name} to ${byFunction}`);
    return [byName, bySetting, byColumn, byMembership, bySequence, byFunction].map((role) => `warning ${role}`);
  },
  async after(db) {
    await dropRoles(db, ...KINDS.map((kind) => roleName(db, kind)));
  },
};
