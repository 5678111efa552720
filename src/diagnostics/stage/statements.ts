import type { StageDatabase } from './database.ts';

/** The identifier that pg_stat_statements gives to the statement of this database whose text has these words. */
export async function queryId(db: StageDatabase, words: string): Promise<string> {
  const rows = await db.superQuery<{ id: string }>(
    `select distinct queryid::text as id from pg_stat_statements
     where dbid = (select oid from pg_database where datname = current_database())
       and strpos(query, $1) > 0 and strpos(query, 'pg_stat_statements') = 0`,
    [words],
  );
  if (rows.length !== 1) throw new Error(`${rows.length} statements with ${words}`);
  return rows[0]!.id;
}

/** Forgets what was counted for this database. */
export async function forgetStatements(db: StageDatabase): Promise<void> {
  await db.superQuery('select pg_stat_statements_reset(0, oid, 0) from pg_database where datname = current_database()');
}
