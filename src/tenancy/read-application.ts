import { AishaError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import { securedTables } from './access.ts';
import type { ApplicationFacts } from './application.ts';
import type { RlsFacts } from './facts.ts';

/**
 * Asks the server, in a session of the application's own, where RLS is evaluated for it.
 * @param database name of the database that the facts are about
 * @throws AishaError (usage) when the session is in another one
 */
export async function readApplication(session: Session, facts: RlsFacts, database: string): Promise<ApplicationFacts> {
  const [row] = await session.query<{ role: string; database: string; bypassed: number[] }>(
    `
      select current_user::text as role, pg_catalog.current_database()::text as database,
        array(
          select c.oid::int8 from pg_catalog.pg_class c
          where c.oid = any ($1::oid[]) and not pg_catalog.row_security_active(c.oid)
        )::float8[] as bypassed
    `,
    [securedTables(facts).map(({ oid }) => oid)],
  );
  if (row!.database !== database)
    throw new AishaError('usage', `--as-url leads to the database ${row!.database}, not to ${database}`, {
      hint: 'Give the URL with which the application reaches the database that is looked at.',
    });
  return row!;
}
