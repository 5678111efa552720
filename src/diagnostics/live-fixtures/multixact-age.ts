import type pg from 'pg';
import type { LiveFixture } from '../stage/planter.ts';

let holder: pg.Client;

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.query('create table fresh (id int)');
  },
  async bad(db) {
    await db.query('create table "Old ""t" (id int)');
    await db.superQuery('set allow_system_table_mods = on');
    // As if this many ids had been used since the table was frozen.
    await db.superQuery(`
      update pg_class
      set relminmxid = ((relminmxid::text::numeric - 500000000 + 4294967296) % 4294967296)::text::xid
      where relname = 'Old "t'
    `);
    holder = await db.connect();
    await holder.query('begin; lock table "Old ""t" in share update exclusive mode');
    return ['warning public."Old ""t"'];
  },
  async cure(db) {
    await holder.query('commit');
    await db.query('vacuum (freeze, verbose) "Old ""t"');
  },
};
