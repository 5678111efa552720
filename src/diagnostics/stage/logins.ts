import { quoteIdentifier } from '../../postgres/quote.ts';
import type { StageDatabase } from './database.ts';

/**
 * Makes a role that may connect to this database, with a name of its own: roles belong to all databases of the server.
 * Returns its name, quoted.
 */
export async function createRole(db: StageDatabase, kind: string, attributes = 'login'): Promise<string> {
  const role = roleName(db, kind);
  await db.superQuery(`create role ${role} ${attributes}`);
  await db.superQuery(`grant connect on database ${db.name} to ${role}`);
  return role;
}

/** `"kind 'of %' aisha_test_…"` */
export function roleName(db: StageDatabase, kind: string): string {
  return quoteIdentifier(`${kind} 'of %' ${db.name}`);
}

/** What other tests make is no business of this database: only its owner and superusers may connect. */
export async function closeToOthers(db: StageDatabase): Promise<void> {
  await db.superQuery(`revoke connect on database ${db.name} from public`);
}

export async function dropRoles(db: StageDatabase, ...roles: readonly string[]): Promise<void> {
  for (const role of roles) await db.superQuery(`drop owned by ${role}; drop role ${role}`);
}
