import { quoteIdentifier } from '../../postgres/quote.ts';
import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await logConnections(db, 'on');
    await logStatements(db, 'ddl');
  },
  async bad(db) {
    await logConnections(db, 'off');
    await logStatements(db, 'all');
    return ['info log_connections', 'info log_statement'];
  },
  async cure(db) {
    await logConnections(db, 'on');
    await logStatements(db, 'mod');
  },
  async after(db) {
    await db.superQuery('alter system reset log_connections');
    await db.superQuery('select pg_reload_conf()');
  },
};

/** Of the whole server: a session can not set it, a database neither. New sessions have it when the server has read it. */
async function logConnections(db: StageDatabase, value: 'on' | 'off'): Promise<void> {
  await db.superQuery(`alter system set log_connections = ${value}`);
  await db.superQuery('select pg_reload_conf()');
  for (;;) {
    const session = await db.connect(db.superUrl);
    const { rows } = await session.query<{ log_connections: string }>('show log_connections');
    await session.end();
    if (rows[0]!.log_connections === value) return;
  }
}

async function logStatements(db: StageDatabase, value: string): Promise<void> {
  await db.superQuery(`alter database ${quoteIdentifier(db.name)} set log_statement = '${value}'`);
}
