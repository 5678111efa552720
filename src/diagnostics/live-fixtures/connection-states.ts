import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike() {},
  async bad(db) {
    for (const name of ["it's a pool", "it's a pool", 'other']) {
      const session = await db.connect();
      await session.query(`set application_name = '${name.replace("'", "''")}'`);
    }
    return ["idle | app_owner | it's a pool | 2", 'idle | app_owner | other | 1'];
  },
};
