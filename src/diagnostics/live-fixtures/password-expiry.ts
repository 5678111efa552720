import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    await db.superQuery(
      `do $$ begin execute format('alter role app_owner valid until %L', now() + interval '80 days'); end $$`,
    );
    await createRole(db, 'gone', "login valid until '2020-01-01'");
    await createRole(db, 'group', 'nologin');
  },
  async bad(db) {
    const forgotten = await createRole(db, 'forgotten');
    const long = await createRole(db, 'long', "login valid until '2300-01-01'");
    return [`info ${forgotten}`, `info ${long}`];
  },
  async after(db) {
    await db.superQuery("alter role app_owner valid until 'infinity'");
    await dropRoles(db, ...['gone', 'group', 'forgotten', 'long'].map((kind) => roleName(db, kind)));
  },
};
