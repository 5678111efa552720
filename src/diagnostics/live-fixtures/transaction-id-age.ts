import type pg from 'pg';
import type { LiveFixture } from '../stage/planter.ts';

let holder: pg.Client;

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.query('create table fresh (id int)');
    await age(db.superQuery, 'fresh', 195_000_000);
  },
  async bad(db) {
    await db.query(`create table "Old ""Stock" (id int); create table older (id int)`);
    await age(db.superQuery, '"Old ""Stock"', 230_000_000);
    await age(db.superQuery, 'older', 1_100_000_000);
    // Or autovacuum might mend it first.
    holder = await db.connect();
    await holder.query('begin; lock table "Old ""Stock", older in share update exclusive mode');
    return ['warning public."Old ""Stock"', 'critical public.older'];
  },
  async cure(db) {
    await holder.query('commit');
    await db.query('vacuum (freeze, verbose) "Old ""Stock"');
    await db.query('vacuum (freeze, verbose) older');
  },
};

/** As if this many transactions had run since the table was frozen. */
async function age(superQuery: (sql: string) => Promise<unknown>, table: string, transactions: number): Promise<void> {
  await superQuery('set allow_system_table_mods = on');
  await superQuery(
    `update pg_class
     set relfrozenxid = ((pg_current_xact_id()::text::numeric % 4294967296 - ${transactions} + 4294967296) % 4294967296)::text::xid
     where oid = '${table}'::regclass`,
  );
}
