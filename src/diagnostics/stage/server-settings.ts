import { quoteLiteral } from '../../postgres/quote.ts';
import type { StageDatabase } from './database.ts';

/** Sets something of the whole server. New sessions have it once the server has read it, which is waited for. */
export async function setServer(db: StageDatabase, name: string, value: string): Promise<void> {
  await db.superQuery(`alter system set ${name} = ${quoteLiteral(value)}`);
  await db.superQuery('select pg_reload_conf()');
  for (;;) {
    const session = await db.connect(db.superUrl);
    // A setting of the database stands before that of the server.
    const { rows } = await session.query<{ arrived: boolean }>(
      "select source = 'database' or current_setting(name) = $2 as arrived from pg_settings where name = $1",
      [name, value],
    );
    await session.end();
    if (rows[0]!.arrived) return;
  }
}

/** Puts back what the server had before. */
export async function resetServer(db: StageDatabase, ...names: readonly string[]): Promise<void> {
  for (const name of names) await db.superQuery(`alter system reset ${name}`);
  await db.superQuery('select pg_reload_conf()');
}
