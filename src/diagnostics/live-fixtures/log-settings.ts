import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts';
import type { StageDatabase } from '../stage/database.ts';
import { createRole, dropRoles, roleName } from '../stage/logins.ts';
import type { LiveFixture } from '../stage/planter.ts';
import { resetServer, setServer } from '../stage/server-settings.ts';

const LINE_PREFIX = '%m [%p] %q%u@%d ';

export const fixture: LiveFixture = {
  async lookAlike(db) {
    await setServer(db, 'log_connections', 'on');
    await setServer(db, 'log_statement', 'ddl');
    await setServer(db, 'log_line_prefix', LINE_PREFIX);
    await setServer(db, 'log_min_duration_statement', '5s');
    await ofDatabase(db, 'log_statement', 'mod');
  },
  async bad(db) {
    await setServer(db, 'log_connections', 'off');
    await setServer(db, 'log_line_prefix', '%m [%p] ');
    await ofDatabase(db, 'log_statement', 'all');
    await ofDatabase(db, 'log_min_duration_statement', '0');
    const role = await createRole(db, 'unseen');
    await db.superQuery(`alter role ${role} set log_statement = none`);
    return [
      'info log_connections',
      'info log_line_prefix',
      'info log_min_duration_statement of this database',
      'info log_statement of this database',
      `info log_statement of role ${role}`,
    ];
  },
  async after(db) {
    await dropRoles(db, roleName(db, 'unseen'));
    await resetServer(db, 'log_connections', 'log_statement', 'log_line_prefix', 'log_min_duration_statement');
  },
};

async function ofDatabase(db: StageDatabase, name: string, value: string): Promise<void> {
  await db.superQuery(`alter database ${quoteIdentifier(db.name)} set ${name} = ${quoteLiteral(value)}`);
}
