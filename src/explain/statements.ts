import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';

/**
 * The text of a query that pg_stat_statements knows by its queryid, constants replaced by $1, $2, ...
 * @throws AishaError (usage) when there is none; (connection) when the role may not see it
 */
export async function findStatement(session: Session, id: string): Promise<string> {
  const [extension] = await session.query<{ schema: string; role: string; sees: boolean }>(
    `select n.nspname as schema, current_user::text as role,
        pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as sees
      from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
      where e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined) {
    throw new AishaError('usage', 'pg_stat_statements is not installed in this database', {
      hint: 'Create it: create extension pg_stat_statements; or give the query itself.',
    });
  }
  const { schema, role, sees } = extension;
  const [found] = await ask(session, schema, id);
  if (found?.query != null && found.query !== '<insufficient privilege>') return found.query;
  // To others the queries of a role have neither a text nor a number.
  if (!sees) {
    throw new AishaError(
      'connection',
      `${role} may not see the queries of other roles, and has no query ${id} itself`,
      {
        hint: `Let it: grant pg_read_all_stats to ${quoteIdentifier(role)}.`,
      },
    );
  }
  throw new AishaError('usage', `pg_stat_statements knows no query ${id} of this database`, {
    hint: 'aisha-db queries lists them; what is rarely run is forgotten, and a reset or a new version changes the numbers.',
  });
}

/** The same query of several roles: the one that took the most time. */
async function ask(session: Session, schema: string, id: string): Promise<{ readonly query: string | null }[]> {
  try {
    return await session.query(
      `select query from ${quoteQualified(schema, 'pg_stat_statements')}
        where queryid = $1::int8
          and dbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
        order by total_exec_time desc
        limit 1`,
      [id],
    );
  } catch (error) {
    const known = serverError(error);
    if (known === undefined) throw error;
    const isDenied = known.code === SQLSTATE.insufficientPrivilege;
    throw new AishaError('connection', `pg_stat_statements cannot be read: ${known.message}`, {
      sqlState: known.code,
      cause: error,
      hint: isDenied ? 'Grant select on it.' : 'It has to be loaded with the server: shared_preload_libraries.',
    });
  }
}
