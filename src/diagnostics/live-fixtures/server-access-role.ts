import { closeToOthers, createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await closeToOthers(db);
    const job = await createRole(db, 'job', 'nologin');
    const plain = await createRole(db, 'plain');
    await db.superQuery(`grant pg_execute_server_program to ${job}; grant pg_read_all_stats to ${plain}`);
  },
  async bad(db) {
    const etl = await createRole(db, 'etl');
    await db.superQuery(`grant pg_execute_server_program, pg_write_server_files to ${etl}`);
    const nested = await createRole(db, 'nested');
    const door = await createRole(db, 'door', 'nologin');
    await db.superQuery(`grant pg_read_server_files to ${door}; grant ${door} to ${nested}`);
    const maker = await createRole(db, 'maker', 'login createrole');
    const maySelf = db.versionNumber < 160_000 ? [`info ${maker}`] : [];
    return [`warning ${etl}`, `warning ${nested}`, ...maySelf];
  },
  async after(db) {
    await dropRoles(db, ...['job', 'plain', 'etl', 'nested', 'door', 'maker'].map((kind) => roleName(db, kind)));
  },
};
