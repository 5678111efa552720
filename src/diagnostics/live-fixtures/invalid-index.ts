import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await db.query('create table t (a int); create index t_valid on t (a)');
  },
  async bad(db) {
    await db.query(`
      create table "Old ""t" (a int, b int);
      insert into "Old ""t" values (1, 0), (1, 1);
      create table p (a int) partition by list (a);
      create table p1 partition of p for values in (1)
    `);
    await fail(db, 'create unique index concurrently "uniq""%" on "Old ""t" (a)');
    await fail(db, 'create index concurrently plain on "Old ""t" ((1 / b))');
    await fail(db, 'create index concurrently x_ccnew on "Old ""t" ((1 / b))');
    await db.query(`update "Old ""t" set b = 2; create index p_a on only p (a)`);
    return ['warning public."uniq""%"', 'warning public.p_a', 'warning public.plain', 'warning public.x_ccnew'];
  },
  async cure(db) {
    await db.query('drop index concurrently "uniq""%"');
    await db.query('drop index concurrently x_ccnew');
    await db.query('reindex index concurrently plain');
    await db.query('create index p1_a on p1 (a); alter index p_a attach partition p1_a');
  },
};

async function fail(db: StageDatabase, sql: string): Promise<void> {
  await db.query(sql).then(
    () => Promise.reject(new Error(`did not fail: ${sql}`)),
    () => {},
  );
}
