import type { StageDatabase } from '../stage/database.ts';
import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

/** It is never connected, so that no publisher is needed. */
const subscribe = (db: StageDatabase, name: string, conninfo: string) =>
  db.superQuery(`create subscription ${name} connection '${conninfo}' publication p with (connect = false)`);

/** Those of a server share their names with nobody, and keep the database from being dropped. */
const SUBSCRIPTIONS = ['quiet', `"it's %"`, 'by_url'];

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    const mapped = await createRole(db, 'mapped');
    // Of this database only: else the check sees nothing of what stands there. That app_owner sees it is found as well.
    await db.superQuery(`
      grant select on pg_catalog.pg_user_mapping, pg_catalog.pg_subscription to app_owner;
      create foreign data wrapper "w %";
      create server "it's %" foreign data wrapper "w %";
      grant usage on foreign server "it's %" to app_owner;
      create user mapping for ${mapped} server "it's %"
        options (user 'x', password_required 'false', token_name 'y', password '');
      grant usage on foreign data wrapper "w %" to app_owner;
      create server owned foreign data wrapper "w %";
      alter server owned owner to app_owner;
      grant usage on foreign server owned to app_reader;
      create user mapping for public server owned options (user 'guest');
    `);
    await subscribe(db, 'quiet', 'host=192.0.2.1 user=password passfile=/etc/passfile dbname=password');
  },
  async bad(db) {
    const backup = await createRole(db, 'backup');
    const door = await createRole(db, 'door', 'nologin');
    await db.superQuery(`grant ${door} to ${backup}`);
    if (db.versionNumber >= 140_000) await db.superQuery(`grant pg_read_all_data to ${door}`);
    else await db.superQuery(`grant select on pg_catalog.pg_user_mapping to ${door}`);
    await db.superQuery(`
      create server "s ""2""" foreign data wrapper "w %";
      grant usage on foreign server "s ""2""" to app_owner, ${door};
      create user mapping for public server "s ""2""" options (user 'x', password 'never shown 1');
      create user mapping for ${roleName(db, 'mapped')} server "s ""2""" options (api_key 'never shown 2');
    `);
    await subscribe(db, SUBSCRIPTIONS[1]!, 'host=192.0.2.1 password = never-shown-3');
    await subscribe(db, SUBSCRIPTIONS[2]!, 'postgresql://x:never-shown-4@192.0.2.1/d');
    return [
      'warning the user mapping of PUBLIC for "s ""2"""',
      'warning the user mapping of PUBLIC for "s ""2"""',
      `warning the user mapping of ${roleName(db, 'mapped')} for "s ""2"""`,
      `warning the subscription "it's %"`,
      'warning the subscription by_url',
    ];
  },
  async after(db) {
    for (const name of SUBSCRIPTIONS)
      await db.superQuery(`alter subscription ${name} set (slot_name = none); drop subscription ${name}`);
    await db.superQuery('drop foreign data wrapper "w %" cascade');
    await dropRoles(db, ...['mapped', 'backup', 'door'].map((kind) => roleName(db, kind)));
  },
};
